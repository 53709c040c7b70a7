//! A place to run the build script in: sources, an output folder, and programs that are called node and npm.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The build script, compiled once.
static SCRIPT: LazyLock<PathBuf> = LazyLock::new(|| {
    let compiled = scratch().join("build-script");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
    let made =
        Command::new(rustc).arg(source).args(["--edition", "2024", "-o"]).arg(&compiled).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    compiled
});

/// A folder of this run, below the one that cargo has for tests; there is a space in its name.
fn scratch() -> PathBuf {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("work shop {}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// An npm that fetches and builds, and writes down what it was asked for.
pub(crate) const GOOD_NPM: &str = r#"echo "$*" >>"$LOG"
case $1 in
  ci) mkdir -p node_modules/tool ;;
  run) mkdir -p "$STOCKWIRE_PAGE_OUT/assets" "$STOCKWIRE_PAGE_OUT/.vite"
    cp index.html "$STOCKWIRE_PAGE_OUT"; echo script >"$STOCKWIRE_PAGE_OUT/assets/a.js"; echo note >"$STOCKWIRE_PAGE_OUT/.vite/note" ;;
esac"#;

pub(crate) struct Workshop {
    pub(crate) folder: PathBuf,
}

/// How a build ended.
pub(crate) struct Built {
    pub(crate) succeeded: bool,
    /// What cargo reads.
    pub(crate) told: String,
    /// What people read if it failed.
    pub(crate) complained: String,
}

impl Built {
    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.told.lines().filter_map(|line| line.strip_prefix("cargo:warning=")).collect()
    }
}

impl Workshop {
    /// With a page, a new Node.js and an npm that behaves.
    pub(crate) fn new() -> Self {
        let workshop = Self { folder: scratch() };
        for folder in ["crate/page/src", "out", "programs"] {
            fs::create_dir_all(workshop.folder.join(folder)).unwrap();
        }
        workshop.write("crate/openapi.json", "{}");
        workshop.write("crate/page/package.json", "{}");
        workshop.write("crate/page/package-lock.json", "first");
        workshop.write("crate/page/index.html", "first");
        workshop.write("crate/page/src/main.ts", "main");
        workshop.program("node", "echo v24.1.0");
        workshop.program("npm", GOOD_NPM);
        workshop
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::write(self.folder.join(path), text).unwrap();
    }

    pub(crate) fn program(&self, name: &str, script: &str) {
        let path = self.folder.join("programs").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.folder.join(path)).unwrap();
    }

    /// A file's text, if it is there.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(path)).ok()
    }

    /// What npm was asked for so far, by its first word.
    pub(crate) fn asked_of_npm(&self) -> Vec<String> {
        let log = self.read("npm.log").unwrap_or_default();
        let asked = log.lines().filter(|line| *line != "--version");
        asked.map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
    }

    /// Runs the build script as cargo does.
    pub(crate) fn build(&self, handed_over: Option<&str>) -> Built {
        // The programs of the system, but no node or npm that may be among them.
        let system = self.folder.join("system");
        fs::create_dir_all(&system).unwrap();
        for name in ["sh", "cp", "mkdir"] {
            let real = ["/bin", "/usr/bin"]
                .iter()
                .map(|folder| Path::new(folder).join(name))
                .find(|path| path.exists());
            // The same link as in a build before.
            let _ = std::os::unix::fs::symlink(real.unwrap(), system.join(name));
        }
        let path = std::env::join_paths([self.folder.join("programs"), system]).unwrap();
        let mut command = Command::new(SCRIPT.as_path());
        command.env_clear().env("PATH", path).env("LOG", self.folder.join("npm.log"));
        command.env("CARGO_MANIFEST_DIR", self.folder.join("crate")).env("OUT_DIR", self.folder.join("out"));
        if let Some(value) = handed_over {
            command.env("STOCKWIRE_DASHBOARD_DIST", value);
        }
        let Output { status, stdout, stderr } =
            command.current_dir(self.folder.join("crate")).output().unwrap();
        Built {
            succeeded: status.success(),
            told: String::from_utf8(stdout).unwrap(),
            complained: String::from_utf8(stderr).unwrap(),
        }
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // Left behind, it is in nobody's way.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
