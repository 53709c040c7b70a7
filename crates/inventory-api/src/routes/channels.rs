//! `/api/v1/channels`: where notifications go besides the live stream. URLs and addresses of people are not for every
//! reader, so all of it needs the permission `monitors`; the secret of a webhook is in the answers that make one, and
//! nowhere else.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use std::time::Instant;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::header::{self, HeaderValue},
    web,
};
use connector::{Message, check_url, random_seed};
use domain::{Channel, ChannelKind, ChannelPatch, FieldError, Listing, NewChannel, Problem, ProblemCode};
use jiff::Timestamp;
use serde::Serialize;
use service::{ApiError, QueryReader};
use store::{ChannelOutcome, MOST_CHANNELS};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Api,
    body::{self, BodyIs},
    caller::{Caller, Monitors},
    documented_problems::{
        ChangeChannelProblems, CreateChannelProblems, DeleteChannelProblems, ListProblems,
        ReadChannelProblems,
    },
    error::store_error,
    pagination::{self, DEFAULT_LIMIT},
    preconditions,
};

/// A channel, with the secret that was made for it just now.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelWithSecret {
    #[serde(flatten)]
    channel: Channel,
    /// For a webhook: what signs it, as receivers by the Standard Webhooks specification take it: `whsec_<base64>`. It is
    /// shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// How a test of a channel ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelTest {
    /// Whether the other side took the message.
    delivered: bool,
    /// Why not.
    #[schema(required)]
    error: Option<String>,
    /// How long it took, in milliseconds.
    took_ms: u64,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChannelListQuery {
    /// How many channels a page has.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 200, default = 50)]
    limit: u16,
    /// The `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    after: i64,
}

/// List channels.
#[utoipa::path(
    get,
    path = "/api/v1/channels",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(ChannelListQuery),
    responses(
        (status = 200, description = "A page of channels, without their secrets.", body = Listing<Channel>,
            headers(("Link" = Option<String>, description = "The next page, as rel=\"next\", if there is one."))),
        ListProblems,
    )
)]
pub(crate) async fn list_channels(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let ChannelListQuery { limit, after } = ChannelListQuery::read(request.query_string())?;
    let page = api.store().channels(caller.tenant(), after, limit).await.map_err(store_error)?;
    let list = Listing {
        has_more: page.next.is_some(),
        next_cursor: page.next.as_ref().map(pagination::encode_cursor),
        data: page.channels,
    };
    Ok(pagination::respond_with(&request, list.next_cursor.as_deref(), &list))
}

/// Make a channel.
///
/// Monitors that name it tell it of what they raise. A webhook is posted as the Standard Webhooks specification says, signed
/// with the secret in this answer, which is the only one that shows it; `data` is the notification as `GET
/// /api/v1/notifications/{id}` shows it. Whatever is answered but 2xx is tried again, over 21 hours, and then is among the
/// dead deliveries; 410 ends it at once. The same `webhook-id` may come more than once. E-mail needs the setting
/// `mail.server`; each letter goes to all recipients at once, who see each other. A tenant may have 200
/// channels.
#[utoipa::path(
    post,
    path = "/api/v1/channels",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("X-Reason" = Option<String>, Header, max_length = 500,
        description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    request_body(content = NewChannel, content_type = "application/json",
        example = json!({"name": "web shop", "kind": "webhook", "url": "https://shop.example/stockwire"})),
    responses(
        (status = 201, description = "The channel, and a webhook's secret.", body = ChannelWithSecret,
            headers(("ETag" = String, description = "The version, in double quotes."),
                ("Location" = String, description = "Where the channel is."))),
        CreateChannelProblems,
    )
)]
pub(crate) async fn create_channel(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::Document).await?;
    let new = NewChannel::from_json(body, |text| check_url(text).map(drop)).map_err(body::invalid)?;
    if new.kind == ChannelKind::Email && !api.courier().sends_letters() {
        let detail = "can't be email: this service has no mail server (setting mail.server)".to_owned();
        return Err(body::invalid(vec![FieldError { detail, pointer: "/kind".to_owned() }]));
    }
    let context = caller.write_context(&request)?;
    let seed = match new.kind {
        ChannelKind::Webhook => Some(random_seed().map_err(ApiError::internal)?),
        ChannelKind::Email => None,
    };
    let kept = seed.as_ref().map(|seed| seed.as_slice());
    let channel = api.store().create_channel(caller.tenant(), &new, kept, &context).await;
    let Some(channel) = channel.map_err(store_error)? else {
        let detail = format!("There may be {MOST_CHANNELS} channels. Delete some.");
        return Err(ApiError::new(ProblemCode::TooMany, detail));
    };
    let secret = kept.map(|seed| api.courier().secret(seed).text());
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/v1/channels/{}", channel.id)))
        .insert_header((header::ETAG, preconditions::entity_tag(channel.version)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(ChannelWithSecret { channel, secret }))
}

/// Read a channel.
#[utoipa::path(
    get,
    path = "/api/v1/channels/{id}",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The channel's id."),
        ("If-None-Match" = Option<String>, Header,
            description = "Entity tags that the client has; 304 if one of them is current.")),
    responses(
        (status = 200, description = "The channel, without its secret.", body = Channel,
            headers(("ETag" = String, description = "The version, in double quotes."))),
        (status = 304, description = "The client has the current version.",
            headers(("ETag" = String, description = "The version, in double quotes."))),
        ReadChannelProblems,
    )
)]
pub(crate) async fn get_channel(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = channel_id(&request)?;
    let channel = api.store().channel(caller.tenant(), id).await.map_err(store_error)?;
    let channel = channel.ok_or_else(|| not_found(id))?;
    let known = preconditions::is_known(request.headers(), channel.version)?;
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::ETAG, preconditions::entity_tag(channel.version)));
    Ok(if known { response.finish() } else { response.json(channel) })
}

/// Change a channel's name, where it leads to, or whether anything is sent.
///
/// What becomes due while a channel is disabled is dead, and can be tried again later.
#[utoipa::path(
    patch,
    path = "/api/v1/channels/{id}",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The channel's id."),
        ("If-Match" = Option<String>, Header,
            description = "Change it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    request_body(content(
        (ChannelPatch = "application/merge-patch+json", example = json!({"enabled": false})),
        (ChannelPatch = "application/json", example = json!({"enabled": false})),
    )),
    responses(
        (status = 200, description = "The channel as it is now. A patch that changes nothing leaves the version.",
            body = Channel, headers(("ETag" = String, description = "The version, in double quotes."))),
        ChangeChannelProblems,
    )
)]
pub(crate) async fn patch_channel(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&request, payload, BodyIs::MergePatch).await?;
    let patch = ChannelPatch::from_json(body, |text| check_url(text).map(drop)).map_err(body::invalid)?;
    let id = channel_id(&request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(&request)?;
    let updated = api.store().update_channel(caller.tenant(), id, &patch, &expected, &context).await;
    match updated.map_err(store_error)? {
        ChannelOutcome::Done(channel) => Ok(HttpResponse::Ok()
            .insert_header((header::ETAG, preconditions::entity_tag(channel.version)))
            .json(channel)),
        ChannelOutcome::OtherKind(kind) => Err(body::invalid(patch.errors_for(kind))),
        ChannelOutcome::Mismatch(current) => Ok(version_mismatch(&current)),
        ChannelOutcome::NotFound => Err(not_found(id)),
    }
}

/// Delete a channel, and its deliveries with it.
///
/// Monitors that name it don't name it any more.
#[utoipa::path(
    delete,
    path = "/api/v1/channels/{id}",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The channel's id."),
        ("If-Match" = Option<String>, Header,
            description = "Delete it only if one of these entity tags is current."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    responses((status = 204, description = "It is gone."), DeleteChannelProblems)
)]
pub(crate) async fn delete_channel(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = channel_id(&request)?;
    preconditions::refuse_if_none_match(request.headers())?;
    let expected = preconditions::expected(request.headers())?;
    let context = caller.write_context(&request)?;
    let deleted = api.store().delete_channel(caller.tenant(), id, &expected, &context).await;
    match deleted.map_err(store_error)? {
        ChannelOutcome::Done(_) => Ok(HttpResponse::NoContent().finish()),
        ChannelOutcome::Mismatch(current) => Ok(version_mismatch(&current)),
        ChannelOutcome::NotFound | ChannelOutcome::OtherKind(_) => Err(not_found(id)),
    }
}

/// Send a test message through a channel now, and say what came of it.
///
/// Nothing is queued, and nothing is repeated. It is sent though the channel is disabled. A webhook gets the type
/// `channel.test`.
#[utoipa::path(
    post,
    path = "/api/v1/channels/{id}/test",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The channel's id.")),
    responses(
        (status = 200, description = "Whether it arrived, and why not.", body = ChannelTest),
        ReadChannelProblems,
    )
)]
pub(crate) async fn test_channel(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = channel_id(&request)?;
    let address = api.store().channel_address(caller.tenant(), id).await.map_err(store_error)?;
    let address = address.ok_or_else(|| not_found(id))?;
    let message = Message::test(id, Timestamp::now()).map_err(ApiError::internal)?;
    let began = Instant::now();
    let sent = api.courier().send(&address, &message).await;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let error = sent.err().map(|error| error.to_string());
    Ok(HttpResponse::Ok().json(ChannelTest { delivered: error.is_none(), error, took_ms }))
}

/// Make another secret for a webhook.
///
/// For 24 hours both sign, so that receivers can be changed in peace: `webhook-signature` then holds two signatures with a
/// space between. The answer is the only one that shows the new one.
#[utoipa::path(
    post,
    path = "/api/v1/channels/{id}/rotate-secret",
    tag = "monitors",
    security(("bearer" = ["monitors"])),
    params(("id" = i64, Path, minimum = 1, description = "The channel's id."),
        ("X-Reason" = Option<String>, Header, max_length = 500,
            description = "Why, for the audit trail: UTF-8, plain or percent-encoded.")),
    responses(
        (status = 200, description = "The channel, and its new secret.", body = ChannelWithSecret,
            headers(("ETag" = String, description = "The version, in double quotes."))),
        ReadChannelProblems,
    )
)]
pub(crate) async fn rotate_channel_secret(
    api: web::Data<Api>,
    caller: Caller<Monitors>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = channel_id(&request)?;
    let context = caller.write_context(&request)?;
    let seed = random_seed().map_err(ApiError::internal)?;
    let replaced = api.store().replace_channel_seed(caller.tenant(), id, &seed, &context).await;
    match replaced.map_err(store_error)? {
        ChannelOutcome::Done(channel) => {
            let secret = Some(api.courier().secret(&seed).text());
            Ok(HttpResponse::Ok()
                .insert_header((header::ETAG, preconditions::entity_tag(channel.version)))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .json(ChannelWithSecret { channel, secret }))
        }
        ChannelOutcome::OtherKind(_) => {
            let detail = format!("Channel {id} is for e-mail, and has no secret.");
            Err(ApiError::new(ProblemCode::NotFound, detail))
        }
        ChannelOutcome::NotFound | ChannelOutcome::Mismatch(_) => Err(not_found(id)),
    }
}

impl ChannelListQuery {
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut reader = QueryReader::new(query);
        let read = Self {
            limit: reader.take("limit", pagination::limit).unwrap_or(DEFAULT_LIMIT),
            after: reader.take("after", pagination::decode_cursor).unwrap_or(0),
        };
        reader.finish()?;
        Ok(read)
    }
}

/// The channel's id in the path.
fn channel_id(request: &HttpRequest) -> Result<i64, ApiError> {
    let id = request.match_info().get("id").and_then(|text| text.parse().ok()).filter(|id| *id > 0);
    id.ok_or_else(|| ApiError::parameter("id", "must be an integer from 1 to 9223372036854775807"))
}

/// The answer where there is no such channel, or it belongs to another tenant.
pub(crate) fn not_found(id: i64) -> ApiError {
    ApiError::new(ProblemCode::NotFound, format!("There is no channel {id}."))
}

fn version_mismatch(current: &Channel) -> HttpResponse {
    let Channel { id, version, .. } = current;
    let detail = format!("If-Match names another version; channel {id} has version {version}.");
    let problem = Problem::new(ProblemCode::VersionMismatch, detail);
    let mut response = ApiError::from(problem).error_response();
    if let Ok(tag) = HeaderValue::from_str(&preconditions::entity_tag(*version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
