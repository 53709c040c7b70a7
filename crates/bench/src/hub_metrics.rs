//! What a hub says about itself at `/metrics`.

use std::net::SocketAddr;

use anyhow::{Result, ensure};

use crate::http_connection::HttpConnection;

/// The series of a hub at a moment.
#[derive(Debug)]
pub(crate) struct HubMetrics {
    text: String,
}

impl HubMetrics {
    pub(crate) async fn read(hub: SocketAddr) -> Result<Self> {
        let response = HttpConnection::open(hub).await?.get("/metrics").await?;
        ensure!(response.status == 200, "the hub's metrics answer {}", response.status);
        Ok(Self { text: response.body })
    }

    /// The sum of all series of a name, or of those that carry a label; zero if there are none.
    pub(crate) fn sum(&self, name: &str, label: &str) -> f64 {
        let value = |line: &str| -> Option<f64> {
            let rest = line.strip_prefix(name)?;
            let is_whole = rest.starts_with([' ', '{']) && rest.contains(label);
            if is_whole { rest.rsplit(' ').next()?.parse().ok() } else { None }
        };
        self.text.lines().filter_map(value).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_by_name_and_label() {
        let text = "# HELP a_total x\na_total{code=\"x\"} 2\na_total{code=\"y\"} 3\na_total_more 9\nb 1.5\n";
        let metrics = HubMetrics { text: text.to_owned() };
        assert!((metrics.sum("a_total", "") - 5.0).abs() < 1e-9);
        assert!((metrics.sum("a_total", "code=\"y\"") - 3.0).abs() < 1e-9);
        assert!((metrics.sum("b", "") - 1.5).abs() < 1e-9);
        assert!(metrics.sum("c", "").abs() < 1e-9);
    }
}
