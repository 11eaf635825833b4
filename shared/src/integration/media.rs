//! The configuration of files that callers send.

use crate::json::fields::{Fields, integer_in, list, text};
use crate::media::{InvalidTrustedOrigin, TrustedOrigins};

const DEFAULT_MAXIMUM_BYTES: u64 = 20_000_000;
/// The allowed values of `maximumBytes`.
const MAX_BYTES: std::ops::RangeInclusive<u64> = 1..=100_000_000;

#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// Maximum size of a file.
    pub maximum_bytes: u64,
    /// Origins from which files may be fetched even from private addresses.
    pub trusted_origins: TrustedOrigins,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self { maximum_bytes: DEFAULT_MAXIMUM_BYTES, trusted_origins: TrustedOrigins::default() }
    }
}

impl MediaConfig {
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let maximum_bytes = fields.optional("maximumBytes", integer_in("bytes", MAX_BYTES));
        let trusted_origins = fields.optional("trustedOrigins", |value| {
            let origin = |value| text(value)?.parse().map_err(|error: InvalidTrustedOrigin| error.to_string());
            list(origin)(value).map(TrustedOrigins::from)
        });
        Some(Self {
            maximum_bytes: maximum_bytes.unwrap_or(DEFAULT_MAXIMUM_BYTES),
            trusted_origins: trusted_origins.unwrap_or_default(),
        })
    }
}
