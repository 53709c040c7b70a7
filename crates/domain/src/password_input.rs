//! What a client says when a password is chosen, changed or forgotten.

use std::fmt;

use serde_json::Value;

use crate::{
    Email, FieldError, FieldReader, Name, Password,
    user_input::{boolean, name, text},
};

/// A password that is chosen with a one-time link.
#[derive(Clone)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct ChosenPassword {
    /// What stands behind the `#` of the link, or the whole link. Required.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub link: String,
    /// The password. Required.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 10, max_length = 256))]
    pub password: Password,
    /// Put the tokens of the session that begins into cookies, which pages can't read, instead of the answer.
    #[cfg_attr(feature = "openapi", schema(required = false, default = false))]
    pub cookies: bool,
}

/// Without the link.
impl fmt::Debug for ChosenPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChosenPassword").field("cookies", &self.cookies).finish_non_exhaustive()
    }
}

/// Another password of one's own.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct PasswordChange {
    /// The one that counts until now. Required.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, max_length = 256))]
    pub current: Option<Password>,
    /// The one that shall count. Required.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 10, max_length = 256))]
    pub new: Password,
}

/// Somebody who has forgotten their password.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct PasswordReset {
    /// Of which tenant, by name; the one named `default` if left out.
    #[cfg_attr(feature = "openapi", schema(value_type = Name, required = false))]
    pub tenant: Option<Name>,
    /// Who. Required.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Email))]
    pub email: Option<Email>,
}

impl ChosenPassword {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let link = fields.required("link", |value| text(&value).map(secret_of));
        let password = fields.required("password", chosen);
        let cookies = fields.present("cookies", boolean).unwrap_or_default();
        fields.finish()?;
        let (Some(link), Some(password)) = (link, password) else { return Err(Vec::new()) };
        Ok(Self { link, password, cookies })
    }
}

impl PasswordChange {
    /// Reads a request's body. A current password that is too long to be one is `None`: it is wrong.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let current = fields.required("current", |value| text(&value).map(Password::given));
        let new = fields.required("new", chosen);
        fields.finish()?;
        let (Some(current), Some(new)) = (current, new) else { return Err(Vec::new()) };
        Ok(Self { current, new })
    }
}

impl PasswordReset {
    /// Reads a request's body. What is a text but no address is `None`: nobody has it, and nobody is told.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let tenant = fields.present("tenant", name);
        let email = fields.required("email", |value| text(&value).map(|text| Email::parse(text).ok()));
        fields.finish()?;
        Ok(Self { tenant, email: email.flatten() })
    }
}

/// The part of a link that no server is told when a browser follows it; without a `#`, the text is that part.
fn secret_of(link: &str) -> String {
    link.rsplit('#').next().unwrap_or(link).trim().to_owned()
}

fn chosen(value: Value) -> Result<Password, String> {
    Password::choose(text(&value)?).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_password_that_cannot_be_chosen_is_named_and_not_shown() {
        let wrong = ChosenPassword::from_json(json!({"password": "hunter2", "otp": 1})).unwrap_err();
        let pointers: Vec<&str> = wrong.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/link", "/password", "/otp"]);
        assert!(!format!("{wrong:?}").contains("hunter2"));
        let right = json!({"link": "x", "password": "correct horse", "cookies": true});
        assert!(ChosenPassword::from_json(right).unwrap().cookies);
    }

    #[test]
    fn a_link_may_be_given_whole() {
        for link in ["s3cr_t-", "https://stock.shop.example/sign-in?tenant=shop#s3cr_t-", " s3cr_t-\n"] {
            let chosen = ChosenPassword::from_json(json!({"link": link, "password": "correct horse"}));
            assert_eq!(chosen.unwrap().link, "s3cr_t-");
        }
    }

    #[test]
    fn what_cannot_be_a_password_or_an_address_is_wrong_and_no_mistake() {
        let change = json!({"current": "x".repeat(257), "new": "correct horse"});
        assert!(PasswordChange::from_json(change).unwrap().current.is_none());
        assert!(PasswordReset::from_json(json!({"email": "ann"})).unwrap().email.is_none());
    }
}
