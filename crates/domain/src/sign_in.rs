//! What a sign-in says.

use serde_json::Value;

use crate::{Email, FieldError, FieldReader, Name, Password};

/// A user who wants to begin a session.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", serde(deny_unknown_fields))]
pub struct SignIn {
    /// Of which tenant, by name; the one named `default` if left out.
    #[cfg_attr(feature = "openapi", schema(value_type = Name, required = false))]
    pub tenant: Option<Name>,
    /// Who. Required.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Email))]
    pub email: Option<Email>,
    /// How they show it. Required.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, max_length = 256))]
    pub password: Option<Password>,
    /// Put the tokens into cookies, which pages can't read, instead of the answer.
    #[cfg_attr(feature = "openapi", schema(required = false, default = false))]
    pub cookies: bool,
}

impl SignIn {
    /// Reads a request's body. What is a text but no address, or too long for a password, is `None`: nobody has it, and
    /// the answer is the same as for a wrong password.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn from_json(body: Value) -> Result<Self, Vec<FieldError>> {
        let mut fields = FieldReader::new(body)?;
        let tenant = fields.present("tenant", |value| {
            let text = value.as_str().ok_or_else(|| "must be a string".to_owned())?;
            Name::parse(text).map_err(|error| error.to_string())
        });
        let email = fields.required("email", |value| {
            value.as_str().map(|text| Email::parse(text).ok()).ok_or_else(|| "must be a string".to_owned())
        });
        let password = fields.required("password", |value| {
            value.as_str().map(Password::given).ok_or_else(|| "must be a string".to_owned())
        });
        let cookies = fields
            .present("cookies", |value| value.as_bool().ok_or_else(|| "must be true or false".to_owned()));
        fields.finish()?;
        Ok(Self {
            tenant,
            email: email.flatten(),
            password: password.flatten(),
            cookies: cookies.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nobody_has_is_nobody() {
        let read = |body| SignIn::from_json(body).unwrap();
        assert!(read(json!({"email": "Ann@X.example", "password": "x"})).email.is_some());
        assert!(read(json!({"email": "ann", "password": "x"})).email.is_none());
        assert!(read(json!({"email": "ann@x", "password": "x".repeat(257)})).password.is_none());
        let wrong = SignIn::from_json(json!({"email": 7, "cookies": "yes", "otp": 1})).unwrap_err();
        let pointers: Vec<&str> = wrong.iter().map(|error| error.pointer.as_str()).collect();
        for pointer in ["/email", "/password", "/cookies", "/otp"] {
            assert!(pointers.contains(&pointer), "{pointers:?}");
        }
    }
}
