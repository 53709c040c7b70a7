//! The OpenAPI document, put together from the routes.

#![expect(unused_qualifications, reason = "utoipa's macros qualify the types they are given")]

use domain::{Identity, Permission, Problem};
use utoipa::{
    Modify, OpenApi, PartialSchema,
    openapi::{
        HeaderBuilder, ObjectBuilder, OpenApi as Document, RefOr, Required, SecurityRequirement, Type,
        path::{Operation, ParameterBuilder, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::routes::{
    actors, adjustments, api_keys, audit, changes, channels, db_check, deliveries, history, item_batch,
    item_list, item_series, items, me, monitor_runs, monitor_status, monitor_test, monitors, mutes,
    notification_marks, notifications, passwords, presence, restores, sessions, source_rows, sources,
    statistics, tenant_settings, tickets, tokens, users,
};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stockwire",
        description = "Inventory for integrators: items, their history, and every change in order.\n\n\
            Errors are problem documents (RFC 9457); their codes are listed at [/docs/problems](/docs/problems). \
            Times are RFC 3339 in UTC, decimals are strings, ids and quantities are integers.\n\n\
            To try requests out here, paste an API key or an access token behind **Authorize**. Every operation says \
            which permission it needs; roles have them: viewer `read`; clerk `stock` too; manager `items`, \
            `monitors` and `keys` too; owner `users` too. API keys have some of `read`, `stock`, `items` and `monitors`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "items", description = "What is counted."),
        (name = "changes", description = "Everything that happened, in order."),
        (name = "monitors", description = "What people ask to be told about items, and how it gets to them."),
        (name = "notifications", description = "What monitors raised, who sees to it, and what is muted."),
        (name = "sources", description = "Where prices and quantities come from."),
        (name = "accounts", description = "Who may come in: users with a role, who sign in, and programs with an API key."),
        (name = "operation", description = "For those who run the service."),
    ),
    paths(
        item_list::list_items, items::create_item, items::get_item, items::replace_item, items::patch_item,
        items::delete_item, item_batch::apply_item_batch, adjustments::adjust_item, restores::restore_item, history::item_history, item_series::item_series, statistics::movement, changes::list_changes, actors::list_actors, me::me, sessions::create_session,
        sessions::refresh_session, sessions::list_sessions, sessions::delete_session, users::list_users,
        users::invite_user, users::get_user, users::patch_user, users::delete_user, users::create_password_link,
        passwords::choose_password, passwords::change_password, passwords::reset_password,
        tenant_settings::get_settings, tenant_settings::patch_settings, api_keys::create_api_key,
        api_keys::list_api_keys, api_keys::get_api_key, api_keys::revoke_api_key, tokens::issue_token,
        tickets::create_ticket, presence::list_people, audit::list_audit, db_check::db_check,
        monitors::list_monitors, monitors::create_monitor, monitors::get_monitor, monitors::patch_monitor,
        monitors::delete_monitor, monitor_runs::start_monitor, monitor_runs::stop_monitor,
        monitor_runs::pause_monitor, monitor_runs::start_monitors, monitor_runs::stop_monitors,
        monitor_runs::pause_monitors, monitor_status::monitor_status, monitor_test::test_monitor,
        channels::list_channels, channels::create_channel, channels::get_channel, channels::patch_channel,
        channels::delete_channel, channels::test_channel, channels::rotate_channel_secret,
        deliveries::list_deliveries, deliveries::get_delivery, deliveries::retry_delivery,
        deliveries::retry_dead_deliveries,
        notifications::list_notifications, notifications::get_notification, notifications::summarise_notifications,
        notification_marks::mark_read, notification_marks::mark_unread, notification_marks::mark_read_up_to,
        notification_marks::acknowledge_notification, notification_marks::unacknowledge_notification,
        notification_marks::mute_notification, mutes::create_mute, mutes::list_mutes, mutes::get_mute,
        mutes::delete_mute,
        sources::list_sources, sources::create_source, sources::get_source, sources::patch_source, sources::delete_source,
        sources::start_source, sources::stop_source, sources::run_source, source_rows::push_rows,
        source_rows::preview_source,
    ),
    components(schemas(Problem, history::HistoryOrder)),
    modifiers(&Everywhere)
)]
pub(crate) struct ApiDocument;

/// What holds for every operation: how to say who one is, and the request's id, in and out.
struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut Document) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An access token (JWT), or an API key: `sw_<prefix>_<secret>`. Sockets, streams and polls take both; the \
                 first frame of a socket takes a token only. Not needed where the service lets everybody in.",
            ))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(bearer));
        document.security = Some(somebody_or_nobody([]));
        for path in document.paths.paths.values_mut() {
            let operations =
                [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch];
            for operation in operations.into_iter().flatten() {
                describe_entity_tags(operation);
                add_request_id(operation);
                describe_need(operation);
            }
        }
    }
}

/// Says in words, for people, which permission an operation needs: its requirement of the scheme `bearer` names it.
fn describe_need(operation: &mut Operation) {
    let named = operation.security.as_deref().map(|requirements| {
        Permission::ALL.into_iter().find(|permission| {
            let needed = SecurityRequirement::new("bearer", [permission.as_str()]);
            requirements.contains(&needed)
        })
    });
    let need = match named {
        None => "Needs credentials, whatever they allow.".to_owned(),
        Some(None) => "Needs no credentials.".to_owned(),
        Some(Some(permission)) => format!("Needs the permission `{permission}`."),
    };
    if let Some(Some(permission)) = named
        && Identity::anonymous().may(permission)
    {
        operation.security = Some(somebody_or_nobody([permission.as_str()]));
    }
    operation.description = Some(match operation.description.take() {
        Some(description) => format!("{description}\n\n{need}"),
        None => need,
    });
}

/// What is needed where a service may let everybody in.
fn somebody_or_nobody<const N: usize>(permissions: [&str; N]) -> Vec<SecurityRequirement> {
    vec![SecurityRequirement::default(), SecurityRequirement::new("bearer", permissions)]
}

/// Says which form the two conditional headers have, wherever they are.
fn describe_entity_tags(operation: &mut Operation) {
    const TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#;
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && matches!(parameter.name.as_str(), "If-Match" | "If-None-Match")
        {
            let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(TAGS)).build();
            parameter.schema = Some(schema.into());
        }
    }
}

fn add_request_id(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name("X-Request-Id")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The client's own id of the request, at most 128 visible ASCII characters."))
        .schema(Some(String::schema()))
        .build();
    operation.parameters.get_or_insert_default().push(parameter.into());
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            let description = Some("The client's id of the request, or ours.");
            let header = HeaderBuilder::new().schema(Some(String::schema())).description(description).build();
            response.headers.insert("X-Request-Id".to_owned(), header.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_openapi_3_1_and_refers_only_to_what_it_has() {
        let document = serde_json::to_value(ApiDocument::openapi()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn every_object_says_what_is_in_it_and_every_word_is_the_wire_s() {
        fn check(value: &serde_json::Value, path: &str) {
            let fields = value.as_object().into_iter().flatten();
            let members = value.as_array().into_iter().flatten().enumerate();
            let is_object = value["type"] == "object" || value["type"][0] == "object";
            let says =
                ["properties", "additionalProperties", "oneOf"].iter().any(|word| value.get(word).is_some());
            assert!(!is_object || says, "{path}: {value}");
            fields.for_each(|(name, inner)| check(inner, &format!("{path}/{name}")));
            members.for_each(|(place, inner)| check(inner, &format!("{path}/{place}")));
        }
        let document = serde_json::to_value(ApiDocument::openapi()).unwrap();
        check(&document["components"], "");
        check(&document["paths"], "");
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            for word in schema["enum"].as_array().into_iter().flatten() {
                let word = word.as_str().unwrap();
                assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}: {word}");
            }
        }
    }

    #[test]
    fn the_file_that_clients_are_generated_from_says_what_the_code_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../dashboard/openapi.json");
        let document = format!("{}\n", ApiDocument::openapi().to_pretty_json().unwrap());
        if std::env::var_os("STOCKWIRE_UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &document).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap();
        assert!(
            kept == document,
            "dashboard/openapi.json is old; write it anew with STOCKWIRE_UPDATE_GOLDEN=1"
        );
    }
}
