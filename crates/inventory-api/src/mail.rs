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
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) subject: &'static str,
    pub(crate) text: String,
}

/// Sends letters.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mail {
    /// `None` where no server is set.
    ///
    /// # Errors
    /// The server's address or the sender's can't be read.
    pub(crate) fn new(settings: &MailSettings) -> Result<Option<Self>, Fatal> {
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

    /// Sends a letter and waits until the server has taken it.
    ///
    /// # Errors
    /// It hasn't, within ten seconds.
    pub(crate) async fn send(&self, to: &Email, letter: Letter) -> Result<(), Fatal> {
        let sent = tokio::time::timeout(PATIENCE, self.hand_over(to, letter)).await;
        let sent = sent.unwrap_or_else(|_| {
            Err(anyhow!("the mail server doesn't take a letter within {} s", PATIENCE.as_secs()))
        });
        let outcome = if sent.is_ok() { "sent" } else { "failed" };
        metrics::counter!("stockwire_letters_total", "outcome" => outcome).increment(1);
        if let Err(error) = &sent {
            let source: &(dyn std::error::Error + 'static) = error.as_ref();
            tracing::error!(source, "a letter can't be sent");
        }
        sent
    }

    async fn hand_over(&self, to: &Email, letter: Letter) -> Result<(), Fatal> {
        let to = Mailbox::new(None, to.as_str().parse::<Address>()?);
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text)?;
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
