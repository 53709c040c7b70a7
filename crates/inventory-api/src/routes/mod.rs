//! The routes, a file for each resource, and where they are mounted.

pub(crate) mod actors;
pub(crate) mod adjustments;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod channels;
pub(crate) mod db_check;
pub(crate) mod deliveries;
mod docs;
pub(crate) mod history;
pub(crate) mod item_batch;
pub(crate) mod item_list;
pub(crate) mod item_series;
pub(crate) mod items;
mod key_check;
pub(crate) mod me;
pub(crate) mod monitor_runs;
pub(crate) mod monitor_status;
pub(crate) mod monitor_test;
pub(crate) mod monitors;
pub(crate) mod mutes;
pub(crate) mod notification_marks;
pub(crate) mod notifications;
pub(crate) mod passwords;
pub(crate) mod presence;
pub(crate) mod restores;
pub(crate) mod sessions;
mod sign_in_page;
mod snapshot;
pub(crate) mod source_bodies;
pub(crate) mod source_rows;
pub(crate) mod sources;
pub(crate) mod statistics;
pub(crate) mod tenant_settings;
pub(crate) mod tickets;
pub(crate) mod tokens;
pub(crate) mod users;

use actix_web::{HttpRequest, middleware::from_fn, web};
use domain::ItemId;
use service::ApiError;

use crate::{cross_origin::answer_pages, visitor::gate};

/// Mounts everything but the health routes.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    let api = web::scope("/api/v1")
        .wrap(from_fn(gate))
        .wrap(from_fn(answer_pages))
        .configure(configure_items)
        .service(
            web::resource("/items/{id}/series")
                .route(web::get().to(item_series::item_series))
                .route(web::head().to(item_series::item_series)),
        )
        .service(
            web::resource("/statistics/movement")
                .route(web::get().to(statistics::movement))
                .route(web::head().to(statistics::movement)),
        )
        .service(
            web::resource("/api-keys")
                .route(web::get().to(api_keys::list_api_keys))
                .route(web::head().to(api_keys::list_api_keys))
                .route(web::post().to(api_keys::create_api_key)),
        )
        .service(
            web::resource("/api-keys/{id}")
                .route(web::get().to(api_keys::get_api_key))
                .route(web::head().to(api_keys::get_api_key))
                .route(web::delete().to(api_keys::revoke_api_key)),
        )
        .configure(monitors::configure)
        .service(web::resource("/tokens").route(web::post().to(tokens::issue_token)))
        .service(
            web::resource("/sessions")
                .route(web::get().to(sessions::list_sessions))
                .route(web::post().to(sessions::create_session)),
        )
        .service(web::resource("/sessions/refresh").route(web::post().to(sessions::refresh_session)))
        .service(web::resource("/sessions/{id}").route(web::delete().to(sessions::delete_session)))
        .service(
            web::resource("/users")
                .route(web::get().to(users::list_users))
                .route(web::head().to(users::list_users))
                .route(web::post().to(users::invite_user)),
        )
        .service(
            web::resource("/users/{id}")
                .route(web::get().to(users::get_user))
                .route(web::head().to(users::get_user))
                .route(web::patch().to(users::patch_user))
                .route(web::delete().to(users::delete_user)),
        )
        .service(
            web::resource("/users/{id}/password-link").route(web::post().to(users::create_password_link)),
        )
        .service(web::resource("/password").route(web::post().to(passwords::choose_password)))
        .service(web::resource("/password-resets").route(web::post().to(passwords::reset_password)))
        .service(web::resource("/me/password").route(web::put().to(passwords::change_password)))
        .service(
            web::resource("/settings")
                .route(web::get().to(tenant_settings::get_settings))
                .route(web::head().to(tenant_settings::get_settings))
                .route(web::patch().to(tenant_settings::patch_settings)),
        )
        .service(
            web::resource("/channels")
                .route(web::get().to(channels::list_channels))
                .route(web::head().to(channels::list_channels))
                .route(web::post().to(channels::create_channel)),
        )
        .service(
            web::resource("/channels/{id}")
                .route(web::get().to(channels::get_channel))
                .route(web::head().to(channels::get_channel))
                .route(web::patch().to(channels::patch_channel))
                .route(web::delete().to(channels::delete_channel)),
        )
        .service(web::resource("/channels/{id}/test").route(web::post().to(channels::test_channel)))
        .service(
            web::resource("/channels/{id}/rotate-secret")
                .route(web::post().to(channels::rotate_channel_secret)),
        )
        .service(
            web::resource("/deliveries")
                .route(web::get().to(deliveries::list_deliveries))
                .route(web::head().to(deliveries::list_deliveries)),
        )
        .service(web::resource("/deliveries/retry").route(web::post().to(deliveries::retry_dead_deliveries)))
        .service(
            web::resource("/deliveries/{id}")
                .route(web::get().to(deliveries::get_delivery))
                .route(web::head().to(deliveries::get_delivery)),
        )
        .service(web::resource("/deliveries/{id}/retry").route(web::post().to(deliveries::retry_delivery)))
        .service(
            web::resource("/sources")
                .route(web::get().to(sources::list_sources))
                .route(web::head().to(sources::list_sources))
                .route(web::post().to(sources::create_source)),
        )
        .service(
            web::resource("/sources/{id}")
                .route(web::get().to(sources::get_source))
                .route(web::head().to(sources::get_source))
                .route(web::patch().to(sources::patch_source))
                .route(web::delete().to(sources::delete_source)),
        )
        .service(web::resource("/sources/{id}/start").route(web::post().to(sources::start_source)))
        .service(web::resource("/sources/{id}/stop").route(web::post().to(sources::stop_source)))
        .service(web::resource("/sources/{id}/run").route(web::post().to(sources::run_source)))
        .service(web::resource("/sources/{id}/rows").route(web::post().to(source_rows::push_rows)))
        .service(web::resource("/sources/{id}/preview").route(web::post().to(source_rows::preview_source)))
        .service(
            web::resource("/actors")
                .route(web::get().to(actors::list_actors))
                .route(web::head().to(actors::list_actors)),
        )
        .service(web::resource("/audit").route(web::get().to(audit::list_audit)))
        .service(web::resource("/me").route(web::get().to(me::me)))
        .service(web::resource("/tickets").route(web::post().to(tickets::create_ticket)))
        .service(web::resource("/presence").route(web::get().to(presence::list_people)))
        .configure(configure_notifications)
        .service(web::resource("/changes").route(web::get().to(changes::list_changes)));
    config
        .service(web::resource("/internal/v1/snapshot").route(web::get().to(snapshot::snapshot)))
        .service(web::resource("/internal/v1/presence").route(web::post().to(presence::take_report)))
        .service(web::resource("/internal/v1/keys/check").route(web::post().to(key_check::check_key)))
        .service(web::resource("/internal/v1/tickets/redeem").route(web::post().to(tickets::redeem_ticket)))
        .service(
            web::resource("/db-check")
                .wrap(from_fn(gate))
                .wrap(from_fn(answer_pages))
                .route(web::get().to(db_check::db_check)),
        )
        .configure(docs::configure)
        .configure(sign_in_page::configure)
        .service(api)
        .configure(dashboard::configure);
}

/// Mounts what is counted.
fn configure_items(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/items")
                .route(web::get().to(item_list::list_items))
                .route(web::head().to(item_list::list_items))
                .route(web::post().to(items::create_item)),
        )
        .service(web::resource("/items/batch").route(web::post().to(item_batch::apply_item_batch)))
        .service(
            web::resource("/items/{id}")
                .route(web::get().to(items::get_item))
                .route(web::head().to(items::get_item))
                .route(web::put().to(items::replace_item))
                .route(web::patch().to(items::patch_item))
                .route(web::delete().to(items::delete_item)),
        )
        .service(
            web::resource("/items/{id}/history")
                .route(web::get().to(history::item_history))
                .route(web::head().to(history::item_history)),
        )
        .service(web::resource("/items/{id}/adjustments").route(web::post().to(adjustments::adjust_item)))
        .service(web::resource("/items/{id}/restore").route(web::post().to(restores::restore_item)));
}

/// Mounts what monitors raised, and what is muted.
fn configure_notifications(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/notifications")
                .route(web::get().to(notifications::list_notifications))
                .route(web::head().to(notifications::list_notifications)),
        )
        .service(
            web::resource("/notifications/summary")
                .route(web::get().to(notifications::summarise_notifications)),
        )
        .service(
            web::resource("/notifications/read").route(web::post().to(notification_marks::mark_read_up_to)),
        )
        .service(
            web::resource("/notifications/{id}")
                .route(web::get().to(notifications::get_notification))
                .route(web::head().to(notifications::get_notification)),
        )
        .service(
            web::resource("/notifications/{id}/read")
                .route(web::post().to(notification_marks::mark_read))
                .route(web::delete().to(notification_marks::mark_unread)),
        )
        .service(
            web::resource("/notifications/{id}/acknowledge")
                .route(web::post().to(notification_marks::acknowledge_notification))
                .route(web::delete().to(notification_marks::unacknowledge_notification)),
        )
        .service(
            web::resource("/notifications/{id}/mute")
                .route(web::post().to(notification_marks::mute_notification)),
        )
        .service(
            web::resource("/mutes")
                .route(web::get().to(mutes::list_mutes))
                .route(web::head().to(mutes::list_mutes))
                .route(web::post().to(mutes::create_mute)),
        )
        .service(
            web::resource("/mutes/{id}")
                .route(web::get().to(mutes::get_mute))
                .route(web::head().to(mutes::get_mute))
                .route(web::delete().to(mutes::delete_mute)),
        );
}

/// The item's id in the path.
fn item_id(request: &HttpRequest) -> Result<ItemId, ApiError> {
    let text = request.match_info().get("id").unwrap_or_default();
    text.parse().map_err(|_| ApiError::parameter("id", "must be an integer from 1 to 9223372036854775807"))
}
