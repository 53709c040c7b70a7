//! The pages that this service serves beside the API.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::app::{App, answer};

/// Every file of the basic page.
const BASIC: [(&str, &str); 5] = [
    ("/basic", "text/html; charset=utf-8"),
    ("/basic/basic.js", "text/javascript; charset=utf-8"),
    ("/basic/live-items.js", "text/javascript; charset=utf-8"),
    ("/basic/api.js", "text/javascript; charset=utf-8"),
    ("/basic/basic.css", "text/css; charset=utf-8"),
];

/// The head of an answer to a path that is sent as it stands, and what follows.
async fn raw(app: &App, method: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", app.port)).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn a_page_is_at_the_beginning_and_a_basic_one_beside_it() {
    // Whoever isn't signed in gets the page, too: it is what leads to the sign-in.
    let app = App::spawn_with(&[("STOCKWIRE__AUTH__ANONYMOUS", "never")]).await;
    let pages = [("/", BASIC[0].1), ("/items", BASIC[0].1), ("/items/7", BASIC[0].1)];
    for (path, media_type) in pages.into_iter().chain(BASIC) {
        let page = app.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), media_type, "{path}");
        assert_eq!(page.header("cache-control"), "no-cache", "{path}");
        let policies: Vec<_> = page.headers.get_all("content-security-policy").iter().collect();
        assert_eq!(policies.len(), 1, "{path}");
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");
        let tag = page.header("etag");
        assert!(tag.starts_with('"'), "{path}: {tag}");
        let known = answer(app.request("GET", path).header("if-none-match", tag)).await;
        assert_eq!((known.status.as_u16(), known.header("etag")), (304, tag), "{path}");
    }
}

#[tokio::test]
async fn a_page_asked_for_without_its_body_has_the_same_head() {
    let app = App::spawn().await;
    for (path, _) in BASIC {
        let (whole, page) = raw(&app, "GET", path).await;
        let (head, nothing) = raw(&app, "HEAD", path).await;
        let length = format!("content-length: {}", page.len());
        assert!(whole.contains(&length) && head.contains(&length), "{path}: {head}");
        assert_eq!(nothing, "", "{path}");
    }
}

#[tokio::test]
async fn the_basic_page_names_only_files_that_are_there_and_runs_nothing_inline() {
    let app = App::spawn().await;
    let (_, page) = raw(&app, "GET", "/basic").await;
    for (path, _) in &BASIC[1..] {
        let (_, file) = raw(&app, "GET", path).await;
        for never in ["innerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!file.contains(never), "{path} has {never}");
        }
    }
    let quoted = page.split('"').filter(|text| text.starts_with("/basic/"));
    let named: Vec<_> = quoted.collect();
    assert_eq!(named, ["/basic/basic.css", "/basic/basic.js"]);
    for never in ["<style", "style=", "<script>", "onclick", "http://", "https://"] {
        assert!(!page.contains(never), "the page has {never}");
    }
    let (_, script) = raw(&app, "GET", "/basic/basic.js").await;
    for line in script.lines().filter(|line| line.starts_with("import ")) {
        let name = line.split("\"./").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert!(BASIC.iter().any(|(path, _)| *path == format!("/basic/{name}")), "{line}");
    }
}

#[tokio::test]
async fn what_is_no_page_is_a_problem_as_everywhere() {
    let app = App::spawn().await;
    for path in [
        "/nowhere",
        "/index.html",
        "/basic/",
        "/basic/index.html",
        "/basic/../Cargo.toml",
        "/basic/%2e%2e/Cargo.toml",
        "/basic/..%2fCargo.toml",
        "/assets/../../../etc/passwd",
        "/assets/none-0000.js",
        "/.env",
        "/assets/.vite/manifest.json",
        "//basic",
        "/api/v1",
        "/items/7/8/9",
    ] {
        let (head, body) = raw(&app, "GET", path).await;
        assert!(head.starts_with("http/1.1 404 "), "{path}: {head}");
        assert!(head.contains("content-type: application/problem+json"), "{path}: {head}");
        assert!(body.contains("\"code\":\"not_found\""), "{path}: {body}");
    }
    for path in ["/", "/basic", "/items"] {
        answer(app.request("POST", path)).await.is_problem(405, "method_not_allowed");
    }
}
