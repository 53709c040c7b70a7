//! Letters: short, plain, by SMTP, one connection for each. Whoever waits for one waits for so long at most.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use domain::Email;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::authentication::Credentials,
};
use service::{Fatal, settings::Mail as MailSettings};

/// The whole conversation with the server.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line; whatever would make it several is a space.
    pub subject: String,
    /// The text, plain.
    pub text: String,
    /// By which a mail program knows the letter when it comes again; a random one is made for a letter that doesn't.
    pub id: Option<String>,
}

/// Sends letters.
#[derive(Debug, Clone)]
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mail {
    /// `None` where no server is set.
    ///
    /// # Errors
    /// The server's address or the sender's can't be read.
    pub fn new(settings: &MailSettings) -> Result<Option<Self>, Fatal> {
        describe();
        if settings.server.is_empty() {
            return Ok(None);
        }
        let from = settings.from.parse();
        let from = from.with_context(|| {
            format!("mail.from: {:?} is no address such as Stockwire <a@b.example>", settings.from)
        })?;
        Ok(Some(Self { transport: transport(settings)?, from }))
    }

    /// Sends a letter to all of these, who see each other, and waits until the server has taken it: for all of them, or for
    /// none.
    ///
    /// # Errors
    /// It hasn't, within ten seconds.
    pub async fn send(&self, to: &[Email], letter: Letter) -> Result<(), Fatal> {
        let sent = tokio::time::timeout(PATIENCE, self.hand_over(to, letter)).await;
        let sent = sent.unwrap_or_else(|_| {
            Err(anyhow!("the mail server doesn't take a letter within {} s", PATIENCE.as_secs()))
        });
        let outcome = if sent.is_ok() { "sent" } else { "failed" };
        metrics::counter!("stockwire_letters_total", "outcome" => outcome).increment(1);
        sent
    }

    async fn hand_over(&self, to: &[Email], letter: Letter) -> Result<(), Fatal> {
        let domain = self.from.email.domain();
        let id = letter.id.map(|id| format!("<{id}@{domain}>"));
        let mut message = Message::builder().from(self.from.clone()).message_id(id);
        for recipient in to {
            message = message.to(Mailbox::new(None, recipient.as_str().parse::<Address>()?));
        }
        // A line break would begin another header.
        let one_line = |character: char| if character.is_control() { ' ' } else { character };
        let subject: String = letter.subject.chars().map(one_line).collect();
        let message = message.subject(subject).header(ContentType::TEXT_PLAIN).body(letter.text)?;
        self.transport.send(message).await?;
        Ok(())
    }
}

fn transport(settings: &MailSettings) -> Result<AsyncSmtpTransport<Tokio1Executor>, Fatal> {
    let form = "mail.server must be smtps://host, smtp://host or smtp+plain://host, with a port if need be";
    let Some((scheme, authority)) = settings.server.split_once("://") else { bail!(form) };
    let (host, port) = match authority.trim_end_matches('/').rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().context(form)?)),
        None => (authority.trim_end_matches('/'), None),
    };
    if host.is_empty() {
        bail!(form);
    }
    let mut builder = match scheme {
        "smtps" => AsyncSmtpTransport::<Tokio1Executor>::relay(host)?,
        "smtp" => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host)?,
        // Links let people in, so nobody else's machine may see them.
        "smtp+plain" if is_this_machine(host) => {
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        }
        "smtp+plain" => bail!("mail.server: smtp+plain:// is for this machine only"),
        _ => bail!(form),
    };
    if let Some(port) = port {
        builder = builder.port(port);
    }
    if !settings.username.is_empty() {
        let password = settings.password.expose().to_owned();
        builder = builder.credentials(Credentials::new(settings.username.clone(), password));
    }
    Ok(builder.timeout(Some(PATIENCE)).build())
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn describe() {
    let text = "Letters, by outcome: sent, when the server took it, or failed.";
    metrics::describe_counter!("stockwire_letters_total", metrics::Unit::Count, text);
    for outcome in ["sent", "failed"] {
        metrics::counter!("stockwire_letters_total", "outcome" => outcome).increment(0);
    }
}

#[cfg(test)]
mod tests {
    use service::settings::Secret;

    use super::*;

    fn settings(server: &str, from: &str) -> MailSettings {
        MailSettings {
            server: server.into(),
            username: String::new(),
            password: Secret::new(String::new()),
            password_file: None,
            from: from.into(),
        }
    }

    #[tokio::test]
    async fn a_server_is_known_by_its_scheme() {
        let from = "Stockwire <stock@shop.example>";
        assert!(Mail::new(&settings("", "")).unwrap().is_none());
        for server in ["smtps://mail.example", "smtp://mail.example:2525", "smtp+plain://127.0.0.1:25"] {
            assert!(Mail::new(&settings(server, from)).unwrap().is_some(), "{server}");
        }
        for server in
            ["mail.example", "http://mail.example", "smtp://", "smtp://x:y", "smtp+plain://mail.example"]
        {
            assert!(Mail::new(&settings(server, from)).is_err(), "{server}");
        }
        assert!(Mail::new(&settings("smtps://mail.example", "nobody")).is_err());
    }
}
