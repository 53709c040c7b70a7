//! Problem documents on the wire: the one place where an error becomes a response.

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header},
    web,
};
use domain::{FieldError, Problem, ProblemCode};

/// An error that a handler returns.
#[derive(Debug)]
pub struct ApiError {
    problem: Box<Problem>,
    retry_after_seconds: Option<u32>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ApiError {
    /// A problem that the client can do something about.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::from(Problem::new(code, detail))
    }

    /// Our fault: the cause is logged, the client learns nothing of it.
    #[must_use]
    pub fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        let detail = "The request was understood, but could not be answered. It may be repeated.";
        Self { source: Some(Box::new(source)), ..Self::new(ProblemCode::Internal, detail) }
    }

    /// Something that we need is away: the cause is logged, the client is told to come back.
    #[must_use]
    pub fn unavailable(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        let detail = "A part of the service is away at the moment. Nothing was changed unless a repeated read says so.";
        Self {
            source: Some(Box::new(source)),
            retry_after_seconds: Some(1),
            ..Self::new(ProblemCode::Unavailable, detail)
        }
    }

    /// Not now, and when to come back, in seconds.
    #[must_use]
    pub fn for_now(detail: impl Into<std::borrow::Cow<'static, str>>, seconds: u32) -> Self {
        Self::new(ProblemCode::Unavailable, detail).retry_after(Some(seconds))
    }

    /// With when to come back, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: Option<u32>) -> Self {
        Self { retry_after_seconds: seconds, ..self }
    }

    /// A query parameter or header that isn't valid.
    #[must_use]
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let problem = Problem::new(ProblemCode::InvalidParameter, format!("{name}: {detail}"));
        Self::from(problem.with_errors(vec![FieldError { detail, pointer: name.to_owned() }]))
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), retry_after_seconds: None, source: None }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.detail)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        if let Some(source) = &self.source {
            let source = source.as_ref() as &(dyn std::error::Error + 'static);
            tracing::error!(problem.code = self.problem.code, source, "request failed");
        }
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.status_code() == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        // The middleware fills in path and request id: here the request isn't known.
        let body = serde_json::to_vec(&self.problem).unwrap_or_default();
        let mut response = response.body(body);
        response.extensions_mut().insert(self.problem.as_ref().clone());
        response
    }
}

/// Puts what the request knows into a problem document that a handler made.
pub(crate) fn complete(problem: &Problem, path: &str, request_id: &str) -> Vec<u8> {
    let mut problem = problem.clone();
    problem.instance = Some(path.to_owned());
    problem.request_id = Some(request_id.to_owned());
    serde_json::to_vec(&problem).unwrap_or_default()
}

/// Turns what actix-web's own extractors say into problem documents.
pub(crate) fn configure_extractors(config: &mut web::ServiceConfig) {
    config
        .app_data(web::QueryConfig::default().error_handler(|error, _| {
            let detail = match &error {
                actix_web::error::QueryPayloadError::Deserialize(error) => error.to_string(),
                other => other.to_string(),
            };
            ApiError::new(ProblemCode::InvalidParameter, format!("The query is not valid: {detail}")).into()
        }))
        .app_data(web::PathConfig::default().error_handler(|error, _| parse_error(&error).into()));
}

/// A part of the path that can't be read.
#[must_use]
pub fn parse_error(error: &dyn fmt::Display) -> ApiError {
    ApiError::new(ProblemCode::InvalidParameter, format!("The path is not valid: {error}"))
}

/// Answers paths that nobody else does.
pub(crate) async fn not_found(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(ProblemCode::NotFound, format!("There is nothing at {}.", request.path())))
}
