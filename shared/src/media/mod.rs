//! Fetching a file from a URL that a caller names, without letting the caller reach what only we can reach.
//!
//! Such a URL is an invitation to server-side request forgery: it may name this machine, its cloud's metadata service
//! or a neighbour in the company's network. So files come from public addresses only (`address`), the addresses are
//! looked at in the very look-up that the connection is made with (`resolver`) and once more when it is made
//! (`fetch`), and redirects are not followed. The operator may name origins in the company's own network that are
//! exempt (`source`).

mod address;
mod body;
mod error;
mod fetch;
mod resolver;
mod source;

pub use body::MediaBody;
pub use error::MediaError;
pub use fetch::{MediaFetcher, MediaFile};
pub use source::{InvalidMediaUrl, InvalidTrustedOrigin, MediaUrl, TrustedOrigin, TrustedOrigins};
