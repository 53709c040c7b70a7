//! What the build does with the page, and without what it takes to build one.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::workshop::{GOOD_NPM, Workshop};

#[test]
fn a_page_is_built_beside_its_sources_and_embedded_without_notes() {
    let workshop = Workshop::new();
    let page = workshop.folder.join("crate/page");
    for path in [page.join("src"), page.clone(), workshop.folder.join("crate")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let built = workshop.build(None);
    for path in [workshop.folder.join("crate"), page.clone(), page.join("src")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert!(built.succeeded, "{}", built.complained);
    assert!(built.warnings().is_empty(), "{}", built.told);
    assert_eq!(workshop.read("out/site/index.html").as_deref(), Some("first"));
    assert_eq!(workshop.read("out/site/assets/a.js").as_deref(), Some("script\n"));
    assert_eq!(workshop.read("out/site/.vite/note"), None);
    assert_eq!(
        workshop.read("out/openapi.json").as_deref(),
        Some("{}"),
        "beside the page, as in the sources"
    );
    assert!(workshop.read("out/dashboard.rs").unwrap().contains("struct Dashboard;"));
    assert!(!page.join("node_modules").exists() && !page.join("dist").exists());
    for path in ["build.rs", &page.display().to_string(), "openapi.json"] {
        let is_watched = built
            .told
            .lines()
            .any(|line| line.starts_with("cargo:rerun-if-changed=") && line.ends_with(path));
        assert!(is_watched, "{path} in {}", built.told);
    }
}

#[test]
fn what_the_page_needs_is_fetched_again_only_for_another_lock_file() {
    let workshop = Workshop::new();
    assert!(workshop.build(None).succeeded);
    workshop.write("crate/page/index.html", "second");
    workshop.remove("crate/page/src/main.ts");
    assert!(workshop.build(None).succeeded);
    assert_eq!(workshop.asked_of_npm(), ["ci", "run", "run"]);
    assert_eq!(workshop.read("out/site/index.html").as_deref(), Some("second"));
    assert_eq!(workshop.read("out/page/src/main.ts"), None, "what is gone is gone from the copy");
    workshop.write("crate/page/package-lock.json", "second");
    assert!(workshop.build(None).succeeded);
    assert_eq!(workshop.asked_of_npm(), ["ci", "run", "run", "ci", "run"]);
}

#[test]
fn without_node_or_npm_or_with_an_old_node_the_build_goes_on_and_says_so_once() {
    for (node, npm, why) in [
        (None, Some(GOOD_NPM), "Node.js was not found"),
        (Some("echo v24.1.0"), None, "npm was not found"),
        (Some("echo v18.20.4"), Some(GOOD_NPM), "Node.js is too old (v18.20.4)"),
        (Some("echo v22.11.0"), Some(GOOD_NPM), "Node.js is too old (v22.11.0)"),
    ] {
        let workshop = Workshop::new();
        for (name, script) in [("node", node), ("npm", npm)] {
            match script {
                Some(script) => workshop.program(name, script),
                None => workshop.remove(&format!("programs/{name}")),
            }
        }
        let built = workshop.build(None);
        assert!(built.succeeded, "{}", built.complained);
        let warnings = built.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        for part in [why, "Node.js 22.12", "cargo clean -p dashboard", "STOCKWIRE_DASHBOARD_DIST=none"] {
            assert!(warnings[0].contains(part), "{part} in {warnings:?}");
        }
        assert_eq!(fs::read_dir(workshop.folder.join("out/site")).unwrap().count(), 0);
        assert!(built.told.contains("cargo:rerun-if-env-changed=PATH"));
    }
}

#[test]
fn without_a_network_the_build_goes_on_and_a_later_one_fetches_again() {
    let workshop = Workshop::new();
    let offline = "[ $1 = --version ] && exit
echo npm error code ENOTFOUND; echo npm error network request failed >&2; exit 1";
    workshop.program("npm", offline);
    let built = workshop.build(None);
    assert!(built.succeeded, "{}", built.complained);
    assert!(built.warnings()[0].contains("code ENOTFOUND; network request failed"), "{}", built.told);
    workshop.program("npm", GOOD_NPM);
    let built = workshop.build(None);
    assert!(built.succeeded && built.warnings().is_empty(), "{}", built.told);
    assert_eq!(workshop.read("out/site/index.html").as_deref(), Some("first"));
}

#[test]
fn a_mistake_in_the_page_ends_the_build_with_what_npm_said() {
    let workshop = Workshop::new();
    assert!(workshop.build(None).succeeded);
    for (script, said) in [
        (
            "[ $1 = run ] && { echo 'main.ts(3,1): no such thing'; exit 2; }; mkdir -p node_modules",
            "main.ts(3,1): no such thing",
        ),
        ("[ $1 = run ] || mkdir -p node_modules", "made no index.html"),
        (
            "[ $1 = --version ] && exit; echo 'npm error code EUSAGE'; echo 'not in sync'; exit 1",
            "not in sync",
        ),
    ] {
        workshop.program("npm", script);
        workshop.write("crate/page/package-lock.json", said);
        let built = workshop.build(None);
        assert!(!built.succeeded, "{}", built.told);
        assert!(built.complained.contains(said), "{}", built.complained);
        assert_eq!(workshop.read("out/site/index.html"), None, "nothing of a build before is left");
    }
}

#[test]
fn a_page_that_was_built_elsewhere_is_taken_as_it_is() {
    let workshop = Workshop::new();
    fs::create_dir_all(workshop.folder.join("made/.cache")).unwrap();
    let made = workshop.folder.join("made");
    let made = made.to_str().unwrap();
    let empty = workshop.build(Some(made));
    assert!(!empty.succeeded && empty.complained.contains("no index.html"), "{}", empty.complained);
    let relative = workshop.build(Some("made"));
    assert!(
        !relative.succeeded && relative.complained.contains("not an absolute path"),
        "{}",
        relative.complained
    );
    workshop.write("made/index.html", "made elsewhere");
    workshop.write("made/.cache/note", "note");
    let built = workshop.build(Some(made));
    assert!(built.succeeded, "{}", built.complained);
    assert_eq!(workshop.read("out/site/index.html").as_deref(), Some("made elsewhere"));
    assert_eq!(workshop.read("out/site/.cache/note"), None);
    assert!(built.told.contains(&format!("cargo:rerun-if-changed={made}\n")));
    assert!(workshop.asked_of_npm().is_empty());
    // And whoever wants none gets none, without a word.
    let built = workshop.build(Some("none"));
    assert!(built.succeeded && built.warnings().is_empty(), "{}", built.told);
    assert_eq!(workshop.read("out/site/index.html"), None);
    assert!(workshop.asked_of_npm().is_empty());
}
