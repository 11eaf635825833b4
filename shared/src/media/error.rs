//! Why a file could not be fetched.

use std::error::Error;
use std::iter;

/// Why a file could not be fetched. The texts tell the caller what to change, and never contain the URL, whose path and
/// query may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    #[error("the file's host has a private address: use a file on the internet or on a trusted origin")]
    PrivateAddress,
    #[error("the file's host has no address: check its name, or try again")]
    Unresolvable,
    /// No connection, no TLS, or no HTTP response.
    #[error("the file's host cannot be reached: check its name, port and certificate, or try again")]
    Unreachable,
    /// Any status but 200.
    #[error("{}", status_text(*.0))]
    Status(u16),
    /// Decompressing the file would have an unknown cost.
    #[error("the file's host sends it with a Content-Encoding: serve it without one")]
    ContentEncoded,
    #[error("the file is larger than {maximum} bytes: use a smaller one")]
    TooLarge {
        /// In bytes.
        maximum: u64,
    },
    #[error("the file is empty: use one with content")]
    Empty,
    #[error("the file did not arrive in time: use a smaller one or a faster host, or try again")]
    Timeout,
    /// The content is shorter or longer than announced.
    #[error("the file was truncated, or does not have the length that its host announced: try again")]
    Truncated,
}

impl MediaError {
    /// Whether the caller has to change something. Otherwise the same URL may work later.
    #[must_use]
    pub fn is_client_error(&self) -> bool {
        match self {
            Self::PrivateAddress | Self::ContentEncoded | Self::TooLarge { .. } | Self::Empty => true,
            Self::Status(status) => !matches!(status, 408 | 425 | 429 | 500..),
            // The resolver does not distinguish an unknown name from a failing name server.
            Self::Unresolvable | Self::Unreachable | Self::Timeout | Self::Truncated => false,
        }
    }

    /// Why there is no response. If our own resolver failed, its error.
    pub(super) fn from_transport(error: &reqwest::Error) -> Self {
        iter::successors(error.source(), |&error| error.source())
            .find_map(|error| error.downcast_ref::<Self>())
            .copied()
            .unwrap_or(Self::Unreachable)
    }
}

fn status_text(status: u16) -> String {
    let advice = match status {
        300..400 => "redirects are not followed, use the final URL",
        408 | 425 | 429 | 500.. => "try again later",
        _ => "use a file that is publicly accessible",
    };
    format!("the file's host responded with status {status}: {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_may_be_temporary_is_not_a_client_error() {
        for (error, is_client_error) in [
            (MediaError::PrivateAddress, true),
            (MediaError::Unresolvable, false),
            (MediaError::Unreachable, false),
            (MediaError::Status(204), true),
            (MediaError::Status(302), true),
            (MediaError::Status(403), true),
            (MediaError::Status(404), true),
            (MediaError::Status(408), false),
            (MediaError::Status(425), false),
            (MediaError::Status(429), false),
            (MediaError::Status(499), true),
            (MediaError::Status(500), false),
            (MediaError::Status(503), false),
            (MediaError::ContentEncoded, true),
            (MediaError::TooLarge { maximum: 1 }, true),
            (MediaError::Empty, true),
            (MediaError::Timeout, false),
            (MediaError::Truncated, false),
        ] {
            assert_eq!(is_client_error, error.is_client_error(), "{error}");
        }
    }

    #[test]
    fn only_the_text_for_a_3xx_status_mentions_redirects() {
        for (status, redirect) in [(206, false), (300, true), (302, true), (399, true), (400, false), (404, false)] {
            let text = MediaError::Status(status).to_string();
            assert_eq!(redirect, text.contains("redirect"), "{text}");
            assert!(text.contains(&status.to_string()), "{text}");
        }
    }
}
