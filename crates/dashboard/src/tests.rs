//! What visitors get of a page that is there, and of one that isn't.

use std::collections::BTreeMap;

use actix_web::{
    App, HttpResponse,
    body::to_bytes,
    http::{StatusCode, header::HeaderMap},
    test::{TestRequest, call_service, init_service},
    web,
};

use crate::{
    mount,
    site::{Content, Site},
};

const INDEX: &str = "<!doctype html><title>The dashboard</title>";
const BASIC: &str = "<!doctype html><title>The basic page</title>";
const SCRIPT: &str = "/assets/index-b7f3.js";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A site of files, by name and content.
fn site(dashboard: &[(&str, &'static str)]) -> &'static Site {
    let contents = |files: &[(&str, &'static str)]| -> BTreeMap<String, Content> {
        let content = |text: &'static str| {
            let mut sha256 = [0; 32];
            text.bytes()
                .enumerate()
                .for_each(|(at, byte)| sha256[at % 16] ^= byte.rotate_left(at as u32 / 16));
            Content { bytes: text.as_bytes(), sha256 }
        };
        files.iter().map(|(name, text)| ((*name).to_owned(), content(text))).collect()
    };
    let basic = contents(&[("index.html", BASIC), ("basic.js", "basic")]);
    Box::leak(Box::new(Site::new(&contents(dashboard), &basic)))
}

fn built() -> &'static Site {
    site(&[
        ("index.html", INDEX),
        ("index.html.br", "index in brotli"),
        ("index.html.gz", "index in gzip"),
        ("assets/index-b7f3.js", "the script"),
        ("assets/index-b7f3.js.br", "the script in brotli"),
        ("assets/index-b7f3.js.gz", "the script in gzip"),
        ("assets/small-11aa.css", "the style"),
        ("icon.svg", "<svg/>"),
        ("stockwire.webmanifest", "{}"),
        ("archive.gz", "no variant of anything"),
        (".vite/manifest.json", "hidden"),
        ("assets/.hidden.js", "hidden"),
    ])
}

async fn ask(site: &'static Site, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let app = App::new()
        .configure(move |config| mount(config, site))
        .route("/api", web::get().to(|| async { HttpResponse::Ok().body("the API") }))
        .default_service(web::to(|| async { HttpResponse::NotFound().body("nobody is here") }));
    let app = init_service(app).await;
    let mut request = TestRequest::with_uri(path).method(method.parse().unwrap());
    for header in headers {
        request = request.insert_header(*header);
    }
    let (request, response) = call_service(&app, request.to_request()).await.into_parts();
    drop(request);
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.unwrap();
    Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn get(site: &'static Site, path: &str) -> Answer {
    ask(site, "GET", path, &[]).await
}

#[actix_web::test]
async fn every_view_is_the_page_itself() {
    for path in
        ["/", "/items", "/items/7", "/monitors/3", "/account/devices", "/?tenant=shop", "/items?q=bolt"]
    {
        let page = get(built(), path).await;
        assert_eq!((page.status, page.body.as_str()), (StatusCode::OK, INDEX), "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-cache");
    }
}

#[actix_web::test]
async fn what_a_program_accepts_changes_nothing() {
    let page = ask(built(), "GET", "/", &[("accept", "application/json")]).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[actix_web::test]
async fn files_with_a_hash_are_kept_and_others_are_asked_about() {
    let script = get(built(), SCRIPT).await;
    assert_eq!(script.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    let icon = get(built(), "/icon.svg").await;
    assert_eq!((icon.header("cache-control"), icon.header("content-type")), ("no-cache", "image/svg+xml"));
    let manifest = get(built(), "/stockwire.webmanifest").await;
    assert_eq!(manifest.header("content-type"), "application/manifest+json");
    assert_eq!(get(built(), "/archive.gz").await.body, "no variant of anything");
}

#[actix_web::test]
async fn browsers_are_told_to_run_nothing_else() {
    for path in ["/", "/basic", SCRIPT, "/icon.svg"] {
        let answer = get(built(), path).await;
        let policy = answer.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src 'self' data: blob:",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.split("; ").any(|said| said == rule), "{rule} in {policy}");
        }
        assert!(!policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[actix_web::test]
async fn the_encoding_is_the_one_that_the_browser_prefers() {
    for (accepted, encoding, body) in [
        ("gzip, deflate, br, zstd", "br", "the script in brotli"),
        ("gzip", "gzip", "the script in gzip"),
        ("br;q=0.2, gzip;q=0.8", "gzip", "the script in gzip"),
        ("br;q=0, gzip;q=0", "", "the script"),
        ("identity", "", "the script"),
        ("zstd", "", "the script"),
        ("*;q=0", "", "the script"),
        ("br;q=much", "", "the script"),
        ("", "", "the script"),
    ] {
        let answer = ask(built(), "GET", SCRIPT, &[("accept-encoding", accepted)]).await;
        assert_eq!((answer.header("content-encoding"), answer.body.as_str()), (encoding, body), "{accepted}");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
    }
    // What has no other form doesn't vary.
    let style = ask(built(), "GET", "/assets/small-11aa.css", &[("accept-encoding", "br")]).await;
    assert_eq!((style.header("content-encoding"), style.header("vary")), ("", ""));
}

#[actix_web::test]
async fn what_a_browser_has_is_not_sent_again() {
    let plain = get(built(), "/").await;
    let brotli = ask(built(), "GET", "/", &[("accept-encoding", "br")]).await;
    let (tag, other) = (plain.header("etag"), brotli.header("etag"));
    assert!(tag.starts_with('"') && tag.len() == 34, "a strong tag: {tag}");
    assert_ne!(tag, other, "each encoding has its own");
    let weak = format!("W/{tag}");
    let several = format!("\"other\", {tag}");
    for known in [tag, &weak, &several, "*"] {
        let answer = ask(built(), "GET", "/items", &[("if-none-match", known)]).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{known}");
        assert_eq!(answer.header("etag"), tag);
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert!(!answer.header("content-security-policy").is_empty());
    }
    for known in [other, "\"other\"", "no tag"] {
        assert_eq!(
            ask(built(), "GET", "/", &[("if-none-match", known)]).await.status,
            StatusCode::OK,
            "{known}"
        );
    }
}

#[actix_web::test]
async fn nothing_else_is_served() {
    for path in [
        "/index.html",
        "/index.html.br",
        "/assets/index-b7f3.js.gz",
        "/.vite/manifest.json",
        "/assets/.hidden.js",
        "/assets/",
        "/assets/none.js",
        "/assets/../icon.svg",
        "/assets/%2e%2e/icon.svg",
        "/assets/..%2ficon.svg",
        "/assets/../../Cargo.toml",
        "//icon.svg",
        "/basic/",
        "/basic/index.html",
        "/basic/../icon.svg",
        "/items/7/8",
        "/nowhere",
    ] {
        for method in ["GET", "HEAD", "POST"] {
            let answer = ask(built(), method, path, &[]).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (StatusCode::NOT_FOUND, "nobody is here"),
                "{path}"
            );
        }
    }
    assert_eq!(get(built(), "/api").await.body, "the API", "others are found behind it");
    assert_eq!(ask(built(), "POST", "/items", &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[actix_web::test]
async fn without_a_built_page_there_is_the_basic_one() {
    let bare = site(&[]);
    for path in ["/", "/basic"] {
        let page = get(bare, path).await;
        assert_eq!((page.status, page.body.as_str()), (StatusCode::OK, BASIC), "{path}");
        assert!(page.header("content-security-policy").contains("script-src 'self'"));
    }
    assert_eq!(get(bare, "/basic/basic.js").await.body, "basic");
    for path in ["/items", "/items/7", "/integrate"] {
        let moved = get(bare, path).await;
        assert_eq!(
            (moved.status, moved.header("location")),
            (StatusCode::TEMPORARY_REDIRECT, "/basic"),
            "{path}"
        );
        assert_eq!(moved.header("cache-control"), "no-store", "another start may have the page");
    }
    assert_eq!(get(bare, SCRIPT).await.status, StatusCode::NOT_FOUND);
    // And beside a built one.
    assert_eq!(get(built(), "/basic").await.body, BASIC);
}
