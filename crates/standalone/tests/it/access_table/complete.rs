//! Whether the table is complete: every route that the services' sources mount must have a row.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::rows::ROUTES;

/// Every `resource("…")`, `.route("…"` and `get()` in the sources of the services is in the table.
#[test]
fn no_route_is_missing_from_the_table() -> Result<()> {
    let table: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|row| {
            let path = row.path.split('?').next().unwrap_or_default();
            let id = ["{user}", "{session}", "{key}", "current", "{source}", "{price_source}"]
                .iter()
                .fold(path.to_owned(), |path, name| path.replace(name, "{id}"));
            (row.method.to_lowercase(), id)
        })
        .collect();
    let mut found = BTreeSet::new();
    for service in ["inventory-api", "hub", "notifier", "service"] {
        for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(service).join("src"))? {
            let text = std::fs::read_to_string(&file)?;
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            found.extend(routes_in(text).with_context(|| file.display().to_string())?);
        }
    }
    ensure!(found.len() > 20, "the routes are written in another way now: {found:?}");
    let missing: Vec<_> = found
        .iter()
        .filter(|(method, path)| {
            !table
                .iter()
                .any(|(known, full)| known == method && (full == path || *full == format!("/api/v1{path}")))
        })
        .collect();
    ensure!(missing.is_empty(), "add a row for each of {missing:?}");
    Ok(())
}

fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Method and path of each route that a text mounts.
fn routes_in(text: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for start in ["resource(\"", ".route(\""] {
        for (at, _) in text.match_indices(start) {
            let rest = &text[at + start.len()..];
            let (path, rest) = rest.split_once('"').context("a path without an end")?;
            // Up to the next one.
            let end =
                ["resource(\"", ".route(\"", "scope(\""].iter().filter_map(|next| rest.find(next)).min();
            let rest = &rest[..end.unwrap_or(rest.len())];
            let methods: Vec<&str> = ["get", "head", "post", "put", "patch", "delete"]
                .into_iter()
                .filter(|method| rest.contains(&format!("web::{method}()")))
                .collect();
            if methods.is_empty() {
                bail!("no method of {path} is known");
            }
            found.extend(methods.into_iter().map(|method| (method.to_owned(), path.to_owned())));
        }
    }
    Ok(found)
}
