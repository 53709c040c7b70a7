//! `/sign-in`: a page to sign in with, or to choose a password with a one-time link. Its files are part of the program.

use actix_web::{HttpResponse, http::header, web};

const PAGE: &str = include_str!("../../pages/sign-in.html");
const STYLE: &str = include_str!("../../pages/sign-in.css");
const SCRIPT: &str = include_str!("../../pages/sign-in.js");

/// Nothing but what this service serves runs, is shown, or is talked to; and no other page puts this one in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    for (path, media_type, text) in [
        ("/sign-in", "text/html; charset=utf-8", PAGE),
        ("/sign-in/page.css", "text/css; charset=utf-8", STYLE),
        ("/sign-in/page.js", "text/javascript; charset=utf-8", SCRIPT),
    ] {
        let serve = move || async move { file(media_type, text) };
        config.service(web::resource(path).route(web::get().to(serve)).route(web::head().to(serve)));
    }
}

fn file(media_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(text)
}
