//! Builds the page in `page/` with npm and puts what is embedded into `OUT_DIR/site`.
//!
//! The sources are copied first, so that nothing is ever written beside them. `node_modules` stays in `OUT_DIR` from build
//! to build. Without npm, or without a network, the build goes on with the basic page only, and says so; a mistake in the
//! page's own code ends it.

#[path = "build/folders.rs"]
mod folders;
#[path = "build/node.rs"]
mod node;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// A folder with a built page, or `none`.
const HANDED_OVER: &str = "STOCKWIRE_DASHBOARD_DIST";
/// Where the page's own build is told to put what it makes.
const PAGE_OUT: &str = "STOCKWIRE_PAGE_OUT";
/// So long may npm take to fetch what the page needs, and to build it.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Why there is no built page.
enum Missing {
    /// This machine can't build it: it is left out, and why.
    Unbuildable(String),
    /// It is broken: what to show.
    Broken(String),
}

impl From<io::Error> for Missing {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-env-changed={HANDED_OVER}");
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Missing::Unbuildable(why)) => {
            // What is missing now may be there with another search path.
            println!("cargo:rerun-if-env-changed=PATH");
            println!(
                "cargo:warning=the dashboard is left out, only its basic page is embedded: {why}. To have it, install \
                 Node.js {} or later, run `cargo clean -p dashboard` and build again with a network. To do without, set \
                 {HANDED_OVER}=none",
                node::WANTED
            );
            ExitCode::SUCCESS
        }
        Err(Missing::Broken(why)) => {
            eprintln!("the dashboard can't be built: {why}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), Missing> {
    let out = folder("OUT_DIR")?;
    let site = out.join("site");
    // Also where there is no page: what embeds needs a folder. Its path has to be a literal.
    folders::empty(&site)?;
    let embedded = format!("#[derive(RustEmbed)]\n#[folder = {site:?}]\nstruct Dashboard;\n");
    fs::write(out.join("dashboard.rs"), embedded)?;
    match env::var_os(HANDED_OVER).filter(|value| !value.is_empty()) {
        Some(value) if value == "none" => Ok(()),
        Some(value) => take_over(Path::new(&value), &site),
        None => {
            let built = build_page(&folder("CARGO_MANIFEST_DIR")?, &out)?;
            folders::copy(&built, &site, is_served)?;
            Ok(())
        }
    }
}

fn folder(variable: &str) -> Result<PathBuf, Missing> {
    let value = env::var_os(variable).ok_or_else(|| Missing::Broken(format!("cargo sets no {variable}")))?;
    Ok(PathBuf::from(value))
}

/// Takes a page that somebody else has built.
fn take_over(built: &Path, site: &Path) -> Result<(), Missing> {
    println!("cargo:rerun-if-changed={}", built.display());
    let broken = |why: &str| Missing::Broken(format!("{HANDED_OVER} is {}, {why}", built.display()));
    if !built.is_absolute() {
        return Err(broken("which is not an absolute path"));
    }
    if !built.join("index.html").is_file() {
        return Err(broken("and there is no index.html in it"));
    }
    folders::copy(built, site, is_served)?;
    Ok(())
}

/// Whether a file of a built page is for visitors: hidden ones are notes of the tools.
fn is_served(name: &str) -> bool {
    !name.starts_with('.')
}

/// Builds the page and returns the folder with it.
fn build_page(here: &Path, out: &Path) -> Result<PathBuf, Missing> {
    let (sources, document) = (here.join("page"), here.join("openapi.json"));
    println!("cargo:rerun-if-changed={}", sources.display());
    if !sources.join("package.json").is_file() {
        return Err(Missing::Unbuildable(format!("{} has no package.json", sources.display())));
    }
    node::check().map_err(Missing::Unbuildable)?;
    let page = out.join("page");
    folders::mirror(&sources, &page, "node_modules")?;
    if document.is_file() {
        // What isn't there would count as changed each time.
        println!("cargo:rerun-if-changed={}", document.display());
        fs::write(out.join("openapi.json"), fs::read(&document)?)?;
    }
    install(&page, &out.join("installed"))?;
    let built = out.join("built");
    folders::empty(&built)?;
    let mut build = node::npm(&page);
    build.args(["run", "build"]).env(PAGE_OUT, &built);
    let said = node::run(build, &out.join("npm-build.log"), PATIENCE).map_err(Missing::Broken)?;
    if !built.join("index.html").is_file() {
        return Err(Missing::Broken(format!("npm run build made no index.html in ${PAGE_OUT}\n{said}")));
    }
    Ok(built)
}

/// Fetches what the page needs, unless that was done for the same lock file.
fn install(page: &Path, done: &Path) -> Result<(), Missing> {
    let wanted = fs::read(page.join("package-lock.json"))?;
    if page.join("node_modules").is_dir() && fs::read(done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    // Whoever is interrupted begins anew.
    if done.exists() {
        fs::remove_file(done)?;
    }
    let mut command = node::npm(page);
    command.args(["ci", "--no-audit", "--no-fund", "--include=dev", "--prefer-offline"]);
    if let Err(said) = node::run(command, &page.with_file_name("npm-ci.log"), PATIENCE) {
        return Err(if node::blames_the_page(&said) {
            Missing::Broken(said)
        } else {
            Missing::Unbuildable(node::in_one_line(&said))
        });
    }
    Ok(fs::write(done, wanted)?)
}
