//! `/sign-in`: a page to sign in with, or to choose a password with a one-time link. Its files are part of the program.

use actix_web::{HttpResponse, http::header, web};

const PAGE: &str = include_str!("../../pages/sign-in.html");
const STYLE: &str = include_str!("../../pages/sign-in.css");
const SCRIPT: &str = include_str!("../../pages/sign-in.js");

/// Nothing but what this service serves runs, is shown, or is talked to; no other page puts this one in a frame; and no text
/// ever becomes markup or a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/sign-in").route(web::get().to(page)).route(web::head().to(page)))
        .service(web::resource("/sign-in/page.css").route(web::get().to(style)))
        .service(web::resource("/sign-in/page.js").route(web::get().to(script)));
}

async fn page() -> HttpResponse {
    file("text/html; charset=utf-8", PAGE)
}

async fn style() -> HttpResponse {
    file("text/css; charset=utf-8", STYLE)
}

async fn script() -> HttpResponse {
    file("text/javascript; charset=utf-8", SCRIPT)
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
