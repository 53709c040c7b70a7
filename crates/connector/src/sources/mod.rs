//! Data sources: prices and quantities that come from elsewhere.
//!
//! | file | what it is for |
//! |---|---|
//! | `runner` | takes what is due, a few at a time, and starts runs |
//! | `run` | one run: asks, reads, applies, says how it ended |
//! | `fetch` | asks the other side |
//! | `rows`, `json_rows`, `csv_rows` | what an answer says, row by row |
//! | `apply` | finds the items and writes what differs, a batch at a time |
//! | `series` | what is counted |
//!
//! A row that can't be used stops no other one. An answer that can't be read, or of which no row can be used, is a failed run:
//! whoever has renamed a column has broken the source, and its health says so.

mod apply;
mod csv_rows;
mod fetch;
mod json_rows;
mod rows;
mod run;
mod runner;
mod series;

pub use apply::{ApplyError, preview, push};
pub use fetch::{FetchError, Fetched, MOST_ANSWER_BYTES, fetch};
pub use rows::{MOST_ROWS, ReadError, Rows, read};
pub use runner::start;

use domain::{SourceHeader, TenantId};
use service::{
    Fatal,
    sealing::{Seal, Unsealable},
    settings::Secret,
};
use store::SealedHeader;

/// Seals and opens the headers that are sent along with requests of sources.
#[derive(Debug)]
pub struct HeaderSeal(Seal);

impl HeaderSeal {
    /// With a key derived from the key of access tokens.
    ///
    /// # Errors
    /// The library can't use the key.
    pub fn new(secret: &Secret) -> Result<Self, Fatal> {
        Ok(Self(Seal::new(secret, b"stockwire source header v1")?))
    }

    /// Encrypts a header's value for a tenant.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn seal(&self, tenant: TenantId, header: &SourceHeader) -> Result<SealedHeader, Unsealable> {
        let value = self.0.seal(&belongs_to(tenant, &header.name), &header.value)?;
        Ok(SealedHeader { name: header.name.clone(), value })
    }

    /// Decrypts it.
    ///
    /// # Errors
    /// It was sealed with another key, or for another tenant.
    pub fn open(&self, tenant: TenantId, sealed: &SealedHeader) -> Result<SourceHeader, Unsealable> {
        let value = self.0.open(&belongs_to(tenant, &sealed.name), &sealed.value)?;
        Ok(SourceHeader { name: sealed.name.clone(), value })
    }
}

fn belongs_to(tenant: TenantId, header: &str) -> String {
    format!("{}:{header}", tenant.get())
}
