//! What a client may say about users and about a tenant's settings.

use serde_json::Value;

use crate::{Email, FieldError, FieldReader, Name, Role, SessionPolicy, fields::kind};

/// A user who is invited.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct NewUser {
    /// What they will sign in with. Required.
    pub email: Email,
    /// What others see. Required.
    pub name: Name,
    /// What they may do. Required.
    pub role: Role,
}

/// What shall be different about a user: absent keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields), schema(min_properties = 1))]
pub struct UserPatch {
    /// Another address.
    #[cfg_attr(feature = "openapi", schema(value_type = Email, required = false))]
    pub email: Option<Email>,
    /// Another name.
    #[cfg_attr(feature = "openapi", schema(value_type = Name, required = false))]
    pub name: Option<Name>,
    /// Another role. A lower one ends their sessions.
    #[cfg_attr(feature = "openapi", schema(value_type = Role, required = false))]
    pub role: Option<Role>,
    /// Whether they are kept from signing in. True ends their sessions.
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    pub disabled: Option<bool>,
}

/// What shall be different about a tenant: absent keeps. Its name is what people sign in with, and stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields), schema(min_properties = 1))]
pub struct TenantPatch {
    /// Another policy. It counts from the next sign-in on.
    #[cfg_attr(feature = "openapi", schema(value_type = SessionPolicy, required = false))]
    pub session_policy: Option<SessionPolicy>,
}

impl NewUser {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let email = fields.required("email", email);
        let name = fields.required("name", name);
        let role = fields.required("role", role);
        fields.finish()?;
        let (Some(email), Some(name), Some(role)) = (email, name, role) else { return Err(Vec::new()) };
        Ok(Self { email, name, role })
    }
}

impl UserPatch {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer; a patch that says nothing is wrong too.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let patch = Self {
            email: fields.present("email", email),
            name: fields.present("name", name),
            role: fields.present("role", role),
            disabled: fields.present("disabled", boolean),
        };
        fields.finish()?;
        if patch == Self::default() { Err(says_nothing()) } else { Ok(patch) }
    }
}

impl TenantPatch {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer; a patch that says nothing is wrong too.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let patch = Self { session_policy: fields.present("session_policy", policy) };
        fields.finish()?;
        if patch == Self::default() { Err(says_nothing()) } else { Ok(patch) }
    }
}

fn says_nothing() -> Vec<FieldError> {
    let detail = "expected at least one field to change".to_owned();
    vec![FieldError { detail, pointer: String::new() }]
}

pub(crate) fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("must be a string, not {}", kind(value)))
}

pub(crate) fn boolean(value: Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("must be true or false, not {}", kind(&value)))
}

fn email(value: Value) -> Result<Email, String> {
    Email::parse(text(&value)?).map_err(|error| error.to_string())
}

pub(crate) fn name(value: Value) -> Result<Name, String> {
    Name::parse(text(&value)?).map_err(|error| error.to_string())
}

fn role(value: Value) -> Result<Role, String> {
    Role::parse(text(&value)?).ok_or_else(|| "must be viewer, clerk, manager or owner".to_owned())
}

fn policy(value: Value) -> Result<SessionPolicy, String> {
    SessionPolicy::parse(text(&value)?).ok_or_else(|| "must be single or multiple".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(errors: &[FieldError]) -> Vec<&str> {
        errors.iter().map(|error| error.pointer.as_str()).collect()
    }

    #[test]
    fn all_mistakes_about_a_user_are_named_at_once() {
        let wrong = json!({"email": "nobody", "role": "king", "password": "x"});
        assert_eq!(
            pointers(&NewUser::from_json(wrong).unwrap_err()),
            ["/email", "/name", "/role", "/password"]
        );
        let wrong = json!({"name": null, "disabled": "yes"});
        assert_eq!(pointers(&UserPatch::from_json(wrong).unwrap_err()), ["/name", "/disabled"]);
    }

    #[test]
    fn a_patch_that_says_nothing_is_a_mistake() {
        assert_eq!(pointers(&UserPatch::from_json(json!({})).unwrap_err()), [""]);
        assert_eq!(pointers(&TenantPatch::from_json(json!({})).unwrap_err()), [""]);
        let patch = TenantPatch::from_json(json!({"session_policy": "multiple"})).unwrap();
        assert_eq!(patch.session_policy, Some(SessionPolicy::Multiple));
    }
}
