//! The invariants of ARCHITECTURE.md that are about what is absent.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Package id to the ids of what it needs to be built and run; what only tests need is left out.
struct Tree {
    names: BTreeMap<String, String>,
    needs: BTreeMap<String, Vec<String>>,
}

impl Tree {
    fn read() -> Self {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked"])
            .current_dir(workspace())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let names = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let is_needed = |dependency: &&Value| {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            kinds.iter().any(|kind| kind["kind"].as_str() != Some("dev"))
        };
        let needs = metadata["resolve"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| {
                let dependencies = node["deps"].as_array().unwrap();
                (
                    text(&node["id"]),
                    dependencies
                        .iter()
                        .filter(is_needed)
                        .map(|dependency| text(&dependency["pkg"]))
                        .collect(),
                )
            })
            .collect();
        Self { names, needs }
    }

    /// The names of everything that a crate needs, itself aside.
    fn reaches(&self, name: &str) -> BTreeSet<&str> {
        let start = self.names.iter().find(|(_, found)| *found == name).map(|(id, _)| id).unwrap();
        let mut open = vec![start];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            for next in &self.needs[id] {
                if seen.insert(self.names[next].as_str()) {
                    open.push(next);
                }
            }
        }
        seen
    }
}

#[test]
fn no_crate_reaches_what_it_must_not_know() {
    let tree = Tree::read();
    let forbidden: [(&str, &[&str]); 6] = [
        ("hub", &["store", "tokio-postgres", "deadpool-postgres", "notifier", "inventory-api"]),
        ("domain", &["tokio", "actix-web", "tokio-postgres", "store", "service"]),
        ("service", &["store", "tokio-postgres", "deadpool-postgres"]),
        ("store", &["actix-web", "actix-http", "reqwest", "service"]),
        ("dashboard", &["domain", "service", "store", "tokio-postgres", "deadpool-postgres"]),
        ("notifier", &["hub", "inventory-api", "reqwest"]),
    ];
    for (name, never) in forbidden {
        let reached = tree.reaches(name);
        assert!(!reached.is_empty(), "{name} is in the tree");
        for absent in never {
            assert!(!reached.contains(absent), "{name} reaches {absent}");
        }
    }
    // The test can fail: these are reached.
    assert!(tree.reaches("inventory-api").contains("tokio-postgres"));
    assert!(tree.reaches("hub").contains("domain"));
}

/// Whether a line of Rust holds the beginning of a statement.
fn looks_like_sql(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default().to_ascii_lowercase();
    ["select ", "insert into ", "update ", "delete from ", "create table ", "listen "]
        .iter()
        .any(|verb| code.split('"').skip(1).step_by(2).any(|literal| literal.trim_start().starts_with(verb)))
        && !code.contains("error(")
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn sql_is_written_in_store_only() {
    assert!(looks_like_sql(r#"let x = "select 1 from items";"#));
    for name in [
        "domain",
        "service",
        "monitors",
        "connector",
        "dashboard",
        "inventory-api",
        "notifier",
        "hub",
        "standalone",
    ] {
        let mut files = Vec::new();
        rust_files(&workspace().join("crates").join(name).join("src"), &mut files);
        assert!(!files.is_empty());
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                assert!(!looks_like_sql(line), "{}:{}: {line}", file.display(), number + 1);
            }
        }
    }
}
