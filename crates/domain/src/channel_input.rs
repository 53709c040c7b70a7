//! What a client may say about channels and their deliveries.

use serde_json::Value;

use crate::{
    ChannelKind, Email, FieldError, FieldReader, Name,
    fields::kind,
    user_input::{boolean, name, text},
};

/// A channel that shall be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct NewChannel {
    /// What people call it. Required.
    pub name: Name,
    /// What it is. Required, and never changed.
    pub kind: ChannelKind,
    /// Who gets the letters. Required for e-mail, refused for a webhook.
    #[cfg_attr(feature = "openapi", schema(required = false, min_items = 1, max_items = 20))]
    pub recipients: Vec<Email>,
    /// Where a webhook is posted to. Required for a webhook, refused for e-mail. It may be `http` only where the setting
    /// `outgoing.allowed_networks` names the address; addresses that are not public need that too. Both is looked at when
    /// something is sent.
    #[cfg_attr(feature = "openapi", schema(required = false, max_length = 2000))]
    pub url: Option<String>,
    /// Whether anything is sent; yes, if left out.
    #[cfg_attr(feature = "openapi", schema(required = false, default = true))]
    pub enabled: bool,
}

/// What shall be different about a channel: absent keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields), schema(min_properties = 1))]
pub struct ChannelPatch {
    /// Another name.
    #[cfg_attr(feature = "openapi", schema(value_type = Name, required = false))]
    pub name: Option<Name>,
    /// Other recipients, all of them. For e-mail only.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Email>, required = false, min_items = 1, max_items = 20))]
    pub recipients: Option<Vec<Email>>,
    /// Another URL. For a webhook only.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false, max_length = 2000))]
    pub url: Option<String>,
    /// Whether anything is sent. What becomes due while nothing is, is dead, and can be tried again later.
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    pub enabled: Option<bool>,
}

/// Which dead deliveries shall be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct DeadDeliveries {
    /// Those of this channel. Required.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub channel_id: i64,
}

impl NewChannel {
    /// The most people that one channel writes to.
    pub const MOST_RECIPIENTS: usize = 20;
    /// The most characters of a URL.
    pub const MOST_URL_CHARACTERS: usize = 2000;

    /// Reads a request's body; `check_url` says what is wrong with a URL.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(
        body: Value,
        check_url: impl FnOnce(&str) -> Result<(), String>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let name = fields.required("name", name);
        let kind = fields.required("kind", channel_kind);
        let recipients = fields.present("recipients", recipients_list);
        let recipients = recipients.map(|values| each_recipient(&mut fields, &values));
        let url = fields.present("url", |value| url(&value, check_url));
        let enabled = fields.present("enabled", boolean).unwrap_or(true);
        if let Some(kind) = kind {
            let (needed, is_there, refused, is_refused) = match kind {
                ChannelKind::Email => ("recipients", recipients.is_some(), "url", url.is_some()),
                ChannelKind::Webhook => ("url", url.is_some(), "recipients", recipients.is_some()),
            };
            if !is_there && !fields.has_error(needed) {
                fields.error(needed, format!("is required for a channel of kind {}", kind.as_str()));
            }
            if is_refused {
                fields.error(refused, misplaced(kind));
            }
        }
        fields.finish()?;
        let (Some(name), Some(kind)) = (name, kind) else { return Err(Vec::new()) };
        Ok(Self { name, kind, recipients: recipients.unwrap_or_default(), url, enabled })
    }
}

impl ChannelPatch {
    /// Reads a request's body; `check_url` says what is wrong with a URL.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer; a patch that says nothing is wrong too.
    pub fn from_json(
        body: Value,
        check_url: impl FnOnce(&str) -> Result<(), String>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let name = fields.present("name", name);
        let recipients = fields.present("recipients", recipients_list);
        let recipients = recipients.map(|values| each_recipient(&mut fields, &values));
        let url = fields.present("url", |value| url(&value, check_url));
        let patch = Self { name, recipients, url, enabled: fields.present("enabled", boolean) };
        fields.finish()?;
        if patch == Self::default() {
            let detail = "expected at least one field to change".to_owned();
            return Err(vec![FieldError { detail, pointer: String::new() }]);
        }
        Ok(patch)
    }

    /// What a channel of this kind doesn't have.
    #[must_use]
    pub fn errors_for(&self, kind: ChannelKind) -> Vec<FieldError> {
        let field = match kind {
            ChannelKind::Email => self.url.is_some().then_some("/url"),
            ChannelKind::Webhook => self.recipients.is_some().then_some("/recipients"),
        };
        let error = |pointer: &str| FieldError { detail: misplaced(kind), pointer: pointer.to_owned() };
        field.map(error).into_iter().collect()
    }
}

impl DeadDeliveries {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let channel_id = fields.required("channel_id", |value| {
            value.as_i64().filter(|id| *id > 0).ok_or_else(|| "must be the id of a channel".to_owned())
        });
        fields.finish()?;
        let Some(channel_id) = channel_id else { return Err(Vec::new()) };
        Ok(Self { channel_id })
    }
}

fn misplaced(kind: ChannelKind) -> String {
    format!("is nothing that a channel of kind {} has", kind.as_str())
}

fn channel_kind(value: Value) -> Result<ChannelKind, String> {
    ChannelKind::parse(text(&value)?).ok_or_else(|| "must be email or webhook".to_owned())
}

fn url(value: &Value, check: impl FnOnce(&str) -> Result<(), String>) -> Result<String, String> {
    let text = text(value)?;
    let has = text.chars().count();
    if has > NewChannel::MOST_URL_CHARACTERS {
        return Err(format!("must have at most {} characters, has {has}", NewChannel::MOST_URL_CHARACTERS));
    }
    // What is no part of a URL would be cut off without a word.
    if text.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err("must not contain spaces or control characters".to_owned());
    }
    check(text)?;
    Ok(text.to_owned())
}

fn recipients_list(value: Value) -> Result<Vec<Value>, String> {
    match value {
        Value::Array(values) if values.is_empty() => Err("must not be empty".into()),
        Value::Array(values) if values.len() > NewChannel::MOST_RECIPIENTS => {
            Err(format!("must have at most {} entries, has {}", NewChannel::MOST_RECIPIENTS, values.len()))
        }
        Value::Array(values) => Ok(values),
        other => Err(format!("must be an array, not {}", kind(&other))),
    }
}

/// Reads the addresses, each with a pointer of its own to what is wrong with it.
fn each_recipient(fields: &mut FieldReader, values: &[Value]) -> Vec<Email> {
    let mut recipients = Vec::with_capacity(values.len());
    for (place, value) in values.iter().enumerate() {
        let read = text(value).and_then(|text| Email::parse(text).map_err(|error| error.to_string()));
        match read {
            Ok(email) if recipients.contains(&email) => {
                fields.entry_error("recipients", place, "is there twice".into());
            }
            Ok(email) => recipients.push(email),
            Err(detail) => fields.entry_error("recipients", place, detail),
        }
    }
    recipients
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn new(body: Value) -> Result<NewChannel, Vec<String>> {
        let check = |text: &str| if text.starts_with("https://") { Ok(()) } else { Err("no".to_owned()) };
        NewChannel::from_json(body, check).map_err(pointers)
    }

    fn pointers(errors: Vec<FieldError>) -> Vec<String> {
        errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_channel_has_what_its_kind_has_and_nothing_else() {
        let hook = new(json!({"name": " Shop ", "kind": "webhook", "url": "https://shop.example/"})).unwrap();
        assert_eq!((hook.name.as_str(), hook.enabled, hook.recipients.len()), ("Shop", true, 0));
        let mail =
            new(json!({"name": "Ann", "kind": "email", "recipients": ["Ann@x.example"], "enabled": false}));
        let mail = mail.unwrap();
        assert_eq!((mail.recipients[0].as_str(), mail.url, mail.enabled), ("ann@x.example", None, false));
        let both =
            json!({"name": "x", "kind": "email", "recipients": ["a@x"], "url": "https://shop.example/"});
        assert_eq!(new(both).unwrap_err(), ["/url"]);
        assert_eq!(new(json!({"name": "x", "kind": "webhook"})).unwrap_err(), ["/url"]);
        assert_eq!(new(json!({"name": "x", "kind": "webhook", "url": "ftp://x"})).unwrap_err(), ["/url"]);
        assert_eq!(new(json!({"kind": "email"})).unwrap_err(), ["/name", "/recipients"]);
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let body = json!({
            "name": "", "kind": "sms", "recipients": ["a@x", "b", "A@x", 7], "url": "https://x.example/a b", "secret": "x"
        });
        let expected =
            ["/name", "/kind", "/recipients/1", "/recipients/2", "/recipients/3", "/url", "/secret"];
        assert_eq!(new(body).unwrap_err(), expected);
        let many: Vec<String> = (0..21).map(|number| format!("a{number}@x.example")).collect();
        assert_eq!(
            new(json!({"name": "x", "kind": "email", "recipients": many})).unwrap_err(),
            ["/recipients"]
        );
    }

    #[test]
    fn a_patch_says_something_that_the_kind_has() {
        let patch = |body: Value| ChannelPatch::from_json(body, |_| Ok(()));
        assert_eq!(pointers(patch(json!({})).unwrap_err()), [""]);
        assert_eq!(pointers(patch(json!({"kind": "email", "name": null})).unwrap_err()), ["/name", "/kind"]);
        let url = patch(json!({"url": "https://x.example/"})).unwrap();
        assert_eq!(pointers(url.errors_for(ChannelKind::Email)), ["/url"]);
        assert!(url.errors_for(ChannelKind::Webhook).is_empty());
    }
}
