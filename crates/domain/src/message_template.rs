//! The words of a notification: a text with placeholders such as `{item.name}`. A brace that is meant as one is written
//! twice.

use std::fmt;

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// `{item.name}`
    ItemName,
    /// `{item.sku}`: nothing if there is none.
    ItemSku,
    /// `{item.id}`
    ItemId,
    /// `{item.unit}`: what the quantity counts.
    ItemUnit,
    /// `{value}`: the value that met the condition.
    Value,
    /// `{previous_value}`: the value before.
    PreviousValue,
    /// `{threshold}`: what it was compared with.
    Threshold,
    /// `{reference}`: what a percentage was reckoned from.
    Reference,
    /// `{monitor.name}`
    MonitorName,
    /// `{severity}`
    Severity,
    /// `{at}`: when the change was made, in UTC.
    At,
}

impl Placeholder {
    /// Every one, with its name.
    pub const ALL: [(&str, Self); 11] = [
        ("item.name", Self::ItemName),
        ("item.sku", Self::ItemSku),
        ("item.id", Self::ItemId),
        ("item.unit", Self::ItemUnit),
        ("value", Self::Value),
        ("previous_value", Self::PreviousValue),
        ("threshold", Self::Threshold),
        ("reference", Self::Reference),
        ("monitor.name", Self::MonitorName),
        ("severity", Self::Severity),
        ("at", Self::At),
    ];
}

/// A text with placeholders that are all known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTemplate(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Placeholder),
}

/// What is wrong with a template; it completes the sentence "the message …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A name that stands for nothing.
    #[error("has the placeholder {{{0}}}, which is none; placeholders are {known}", known = Known)]
    Unknown(String),
    /// A brace that is opened and not closed, or closed and not opened.
    #[error("has a single brace; one that is meant as such is written twice")]
    SingleBrace,
    /// More characters than the bound.
    #[error("must have at most {most} characters, has {0}", most = MessageTemplate::MAX_CHARACTERS)]
    TooLong(usize),
    /// Nothing, or nothing but spaces.
    #[error("must not be empty")]
    Empty,
    /// U+0000 inside.
    #[error("must not contain the NUL character")]
    Nul,
}

struct Known;

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, _)) in Placeholder::ALL.iter().enumerate() {
            write!(f, "{}{{{name}}}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl MessageTemplate {
    /// The most characters of a template, and of a rendered message twice as many: what is longer is cut.
    pub const MAX_CHARACTERS: usize = 1000;

    /// Reads a template.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.contains('\0') {
            return Err(TemplateError::Nul);
        }
        let has = text.chars().count();
        if has > Self::MAX_CHARACTERS {
            return Err(TemplateError::TooLong(has));
        }
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, braced) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = braced.strip_prefix("{{").or_else(|| braced.strip_prefix("}}")) {
                plain.push_str(&braced[..1]);
                rest = after;
                continue;
            }
            let inside = braced.strip_prefix('{').and_then(|inside| inside.split_once('}'));
            let Some((name, after)) = inside.filter(|(name, _)| !name.contains('{')) else {
                return Err(TemplateError::SingleBrace);
            };
            let known = Placeholder::ALL.iter().find(|(known, _)| *known == name);
            let (_, placeholder) = known.ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::Value(*placeholder));
            rest = after;
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }

    /// The text with values in the place of placeholders, cut at twice [`MessageTemplate::MAX_CHARACTERS`].
    pub fn render(&self, value: impl Fn(Placeholder) -> String) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Value(placeholder) => text.push_str(&value(*placeholder)),
            }
        }
        match text.char_indices().nth(2 * Self::MAX_CHARACTERS) {
            Some((end, _)) => text[..end].to_owned(),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_values_and_doubled_braces_braces() {
        let template = MessageTemplate::parse("{item.name} is at {value} {{now}}").unwrap();
        let text = template.render(|placeholder| format!("<{placeholder:?}>"));
        assert_eq!(text, "<ItemName> is at <Value> {now}");
    }

    #[test]
    fn what_cannot_be_rendered_is_refused() {
        assert_eq!(MessageTemplate::parse("{price}"), Err(TemplateError::Unknown("price".into())));
        for text in ["{value", "value}", "{{value}", "{val{ue}}"] {
            assert_eq!(MessageTemplate::parse(text), Err(TemplateError::SingleBrace), "{text}");
        }
        assert_eq!(MessageTemplate::parse(" "), Err(TemplateError::Empty));
        assert_eq!(MessageTemplate::parse(&"x".repeat(1001)), Err(TemplateError::TooLong(1001)));
    }

    #[test]
    fn a_long_message_is_cut() {
        let template = MessageTemplate::parse("{item.name}{item.name}").unwrap();
        assert_eq!(template.render(|_| "ö".repeat(1500)).chars().count(), 2000);
    }
}
