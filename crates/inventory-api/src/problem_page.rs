//! The page behind the `type` of every problem document: all codes with their status, written from `domain`.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::ProblemCode;
use sha2::{Digest, Sha256};

const STYLE: &str = "body{font:1rem/1.5 system-ui;max-width:50rem;margin:3rem auto;padding:0 1rem}\
    td,th{padding:.3rem 1rem .3rem 0;text-align:left}tr:target{background:#ff8}";

/// What a browser may do for the page: nothing but paint it as it says itself (Content-Security-Policy).
pub(crate) fn policy() -> String {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The page. Titles and codes are our own words, without anything that HTML would mind.
pub(crate) fn html() -> String {
    let mut rows = String::new();
    for code in ProblemCode::ALL {
        let (word, status, title) = (code.as_str(), code.status(), code.title());
        // Writing into a String can't fail.
        let _ = writeln!(rows, "<tr id=\"{word}\"><td>{status}<td><code>{word}</code><td>{title}");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Stockwire: problems</title>\n\
         <style>{STYLE}</style>\n\
         <h1>Problems</h1>\n<p>Every error is a problem document (RFC 9457) with one of these codes. Its \
         <code>detail</code> says what happened, <code>errors</code> names every field or parameter that is \
         wrong, <code>request_id</code> is in every log line of the request.</p>\n\
         <table><tr><th>Status<th>Code<th>Meaning\n{rows}</table>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_anchor() {
        let html = html();
        for code in ProblemCode::ALL {
            assert!(html.contains(&format!("id=\"{}\"", code.as_str())));
        }
    }
}
