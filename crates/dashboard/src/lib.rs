//! The web page, embedded in the program that serves it.
//!
//! | file | noun |
//! |---|---|
//! | `addresses` | where the page is shown |
//! | `site` | the files, and which one a path leads to |
//! | `answer` | a file as an HTTP response: encodings, entity tags, what browsers may do with it |
//!
//! There are two pages. The dashboard is written in TypeScript in `page/`, and `build.rs` builds it with npm. The basic page
//! in `basic/` needs nothing but a browser: it is at `/basic`, and in place of the dashboard where that was not built. What
//! the build does is decided by `STOCKWIRE_DASHBOARD_DIST`:
//!
//! | value | what is embedded |
//! |---|---|
//! | not set | the page, built with npm; without Node.js or a network the basic page only, with a warning |
//! | an absolute path | the built page in that folder (what `STOCKWIRE_PAGE_OUT=that-folder npm run build` makes) |
//! | `none` | the basic page only |
//!
//! Both pages are clients like any other: this crate knows nothing of items, and answers nothing but files.

mod addresses;
mod answer;
mod site;
#[cfg(test)]
mod tests;

use actix_web::{HttpRequest, HttpResponse, guard::fn_guard, http::header, web};

use site::{Place, Site};

/// Mounts the pages at `/`, and at the addresses that the dashboard shows in the browser. What isn't a page or a file of one
/// is left to others: mount it behind everything else.
pub fn configure(config: &mut web::ServiceConfig) {
    mount(config, Site::embedded());
}

fn mount(config: &mut web::ServiceConfig, site: &'static Site) {
    let answer = move |request: HttpRequest| async move { respond(site, &request) };
    config.service(
        web::resource("/{file:.*}")
            .guard(fn_guard(move |context| site.place(context.head().uri.path()).is_some()))
            .route(web::get().to(answer))
            .route(web::head().to(answer)),
    );
}

fn respond(site: &Site, request: &HttpRequest) -> HttpResponse {
    match site.place(request.path()) {
        Some(Place::File(file)) => answer::file(file, request),
        Some(Place::Basic) => HttpResponse::TemporaryRedirect()
            .insert_header((header::LOCATION, addresses::BASIC))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish(),
        // The guard lets no such path in.
        None => HttpResponse::NotFound().finish(),
    }
}
