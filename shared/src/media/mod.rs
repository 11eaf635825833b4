//! Downloads files from URLs that callers provide, protected against server-side request forgery.
//!
//! Such a URL may point to this machine, the cloud's metadata service or a host in the company's network. So files are
//! only fetched from public addresses (`address`). The addresses are checked in the DNS lookup that the connection uses
//! (`resolver`) and again when it is established (`fetch`). Redirects are not followed. The operator may exempt trusted
//! origins in the company's network (`source`).

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
