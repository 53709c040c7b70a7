//! The documentation that the service carries with it: the OpenAPI document, its reader, the list of problems.

use actix_web::{HttpResponse, http::header, web};
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{openapi::ApiDocument, problem_page};

const DOCUMENT: &str = "/api/v1/openapi.json";

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    let reader = SwaggerUi::new("/docs/{_:.*}")
        // The reader would send the document to a checker on the Internet.
        .config(Config::default().validator_url("none").try_it_out_enabled(true))
        .url(DOCUMENT, ApiDocument::openapi());
    config
        .service(web::resource("/docs").route(web::get().to(to_reader)))
        .service(web::resource("/docs/problems").route(web::get().to(problems)))
        .service(reader);
}

async fn to_reader() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}

async fn problems() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(problem_page::html())
}
