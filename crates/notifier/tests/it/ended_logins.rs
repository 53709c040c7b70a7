//! Logins that were ended, as hubs hear of them: on the feed, and in the list of those of before.

use anyhow::{Result, ensure};
use domain::{EndedLogin, Login, LogoutReason, Topic, feed::EndedLogins};
use testkit::{Database, Notifier, settings};

async fn ask(notifier: &Notifier, secret: &str) -> Result<reqwest::Response> {
    let url = format!("{}/feed/ended", notifier.url().replacen("ws", "http", 1));
    Ok(reqwest::Client::new().get(url).bearer_auth(secret).send().await?)
}

/// A user with two sessions and a key, of which one session and the key are ended.
const SOME: &str =
    "insert into users (tenant_id, email, name, role) values (1, 'alice@example.com', 'Alice', 'clerk');
    insert into sessions (tenant_id, user_id, nonce, refresh_hash, expires_at)
      select 1, users.id, decode(nonce, 'hex'), '', now() + interval '1 hour'
      from users cross join (values ('01'), ('02')) as devices (nonce);
    insert into api_keys (tenant_id, name, prefix, secret_hash, scopes, created_by)
      values (1, 'till', 'abcdefghij', sha256(''), '{read}', 'test');
    update sessions set ended_at = now(), end_reason = 'other_device_login' where nonce = '\\x01';
    delete from api_keys";

#[tokio::test]
async fn they_are_on_the_feed_and_in_the_list() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let notifier = Notifier::start(&settings).await?;
    let mut feed = notifier.feed(None).await?;
    feed.hello().await?;
    database.sql().await?.batch_execute(SOME).await?;
    let entries = feed.entries_until(database.sequenced(2).await?).await?;
    let said: Vec<_> = entries
        .iter()
        .map(|entry| {
            ensure!(entry.topics == [Topic::Session], "{entry:?}");
            Ok(entry.frame["data"].to_string())
        })
        .collect::<Result<_>>()?;
    let session: i64 = database
        .sql()
        .await?
        .query_one("select id from sessions where ended_at is not null", &[])
        .await?
        .get(0);
    ensure!(said[0].contains(&format!(r#""login":"session:{session}""#)), "{said:?}");
    ensure!(said[1].contains(r#""login":"key:1""#) && said[1].contains("revoked"), "{said:?}");

    // Rows of the log come and go; the list stays, as long as a token may be good.
    database.keep_newest(0).await?;
    let late = "insert into ended_logins (tenant_id, login, reason, at)
        values (1, 'session:99', 'revoked', now() - interval '61 minutes')";
    database.sql().await?.batch_execute(late).await?;
    let secret = settings.internal_secret()?;
    let list: EndedLogins = ask(&notifier, secret.expose()).await?.error_for_status()?.json().await?;
    let expected = [
        EndedLogin { login: Login::Session(session), reason: LogoutReason::OtherDeviceLogin },
        EndedLogin { login: Login::Key(1), reason: LogoutReason::Revoked },
    ];
    ensure!(list.ended == expected, "{list:?}");
    Ok(())
}

#[tokio::test]
async fn the_list_is_for_those_who_show_the_secret_and_never_half() -> Result<()> {
    let database = Database::create().await?;
    let settings = settings(&database)?;
    let notifier = Notifier::start(&settings).await?;
    ensure!(ask(&notifier, "a secret that was guessed").await?.status() == 401);
    database.sql().await?.batch_execute("alter table ended_logins rename to away").await?;
    let secret = settings.internal_secret()?;
    ensure!(ask(&notifier, secret.expose()).await?.status() == 503);
    Ok(())
}
