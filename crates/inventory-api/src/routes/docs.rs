//! The documentation that the service carries with it: the OpenAPI document, its reader, the list of problems. Everybody
//! may read it.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_SECURITY_POLICY, LOCATION},
    middleware::from_fn,
    web,
};
use domain::ProblemCode;
use service::ApiError;
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, serve};

use crate::{cross_origin::answer_pages, openapi::ApiDocument, problem_page};

const DOCUMENT: &str = "/api/v1/openapi.json";

/// What a browser may do for the reader: use its own files, and ask this service. Its scripts add a style, and its styles
/// have pictures in them.
const READER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    // The reader would send the document to a checker on the Internet.
    let reader = Config::from(DOCUMENT).validator_url("none").try_it_out_enabled(true);
    config
        .service(web::resource("/docs").route(web::get().to(to_reader)))
        .service(web::resource("/docs/problems").route(web::get().to(problems)))
        .service(
            web::resource("/docs/{file:.*}")
                .app_data(web::Data::new(Arc::new(reader)))
                .route(web::get().to(read)),
        )
        .service(
            web::resource(DOCUMENT)
                .wrap(from_fn(answer_pages))
                .app_data(web::Data::new(ApiDocument::openapi()))
                .route(web::get().to(document)),
        );
}

async fn to_reader() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}

async fn problems() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, problem_page::policy()))
        .body(problem_page::html())
}

async fn document(document: web::Data<utoipa::openapi::OpenApi>) -> HttpResponse {
    HttpResponse::Ok().json(document.as_ref())
}

/// A file of the reader.
async fn read(
    request: HttpRequest,
    reader: web::Data<Arc<Config<'static>>>,
) -> Result<HttpResponse, ApiError> {
    let name = request.match_info().get("file").unwrap_or_default();
    let found = serve(name, reader.as_ref().clone());
    let file = found.map_err(|error| ApiError::internal(std::io::Error::other(error.to_string())))?;
    let missing = || ApiError::new(ProblemCode::NotFound, format!("There is nothing at {}.", request.path()));
    let file = file.ok_or_else(missing)?;
    Ok(HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header((CONTENT_SECURITY_POLICY, READER_POLICY))
        .body(file.bytes.into_owned()))
}
