//! The dashboard in the images: the gateway leads to it, and the build that made it handed it over.

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;

use crate::compose::Compose;

/// Asks for the page as a browser does: the document, then its script.
///
/// # Errors
/// There is no page, or only the basic one: the image was built without the dashboard.
pub(crate) async fn is_there(compose: &Compose) -> Result<()> {
    let http = Client::new();
    let gateway = format!("http://{}", compose.gateway());
    let page = http.get(&gateway).send().await?.error_for_status()?.text().await?;
    let script = page.split('"').find(|text| text.starts_with("/assets/") && text.ends_with(".js"));
    let script = script.context("the gateway shows no dashboard: the image was built without it")?;
    let answer = http.get(format!("{gateway}{script}")).send().await?.error_for_status()?;
    let kept =
        answer.headers().get("cache-control").is_some_and(|value| value.as_bytes().ends_with(b"immutable"));
    let bytes = answer.bytes().await?.len();
    ensure!(kept && bytes > 10_000, "{script} is no script of the dashboard");
    println!("the dashboard is there: {script}, {} KB", bytes / 1024);
    Ok(())
}
