//! What an integration's configuration says of files that callers have sent.

use crate::json::fields::{Fields, list, text, whole_number};
use crate::media::{InvalidTrustedOrigin, TrustedOrigins};

/// The largest file unless the configuration says otherwise, in bytes.
const DEFAULT_MAXIMUM_BYTES: u64 = 20_000_000;
/// What the largest file may be set to, in bytes.
const MAXIMUM_BYTES: std::ops::RangeInclusive<u64> = 1..=100_000_000;

/// Which files may be sent.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// The largest file, in bytes.
    pub maximum_bytes: u64,
    /// Where files may be fetched although the address is not public.
    pub trusted_origins: TrustedOrigins,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self { maximum_bytes: DEFAULT_MAXIMUM_BYTES, trusted_origins: TrustedOrigins::default() }
    }
}

impl MediaConfig {
    /// Reads the `media` of an integration's configuration.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let maximum_bytes = fields.optional("maximumBytes", whole_number("bytes", MAXIMUM_BYTES));
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
