//! Why there is no file.

use std::error::Error;
use std::iter;

/// Why a file could not be fetched. The texts are for the caller who named it: they say what to change, and never hold
/// the URL, whose path and query may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The host has an address that is not public.
    #[error("the file's host has an address that is not public: name a file on the internet or on a trusted origin")]
    NotAllowed,
    /// The host has no address.
    #[error("the file's host has no address: check its name, or try again")]
    Unresolvable,
    /// There is no connection to the host, or no TLS, or no HTTP answer.
    #[error("the file's host cannot be reached: check its name, port and certificate, or try again")]
    Unreachable,
    /// The host answered with another status than 200.
    #[error("{}", other_status(*.0))]
    Status(u16),
    /// The host compressed the file on its way, and it would have to be unpacked at an unknown cost.
    #[error("the file comes with a Content-Encoding: have its host serve it without")]
    Encoded,
    /// The file is too large.
    #[error("the file is larger than {maximum} bytes: name a smaller one")]
    TooLarge {
        /// How large it may be, in bytes.
        maximum: u64,
    },
    /// There is nothing in the file.
    #[error("the file is empty: name one with content")]
    Empty,
    /// The file was not here by the deadline.
    #[error("the file did not arrive in time: name a smaller one or a faster host, or try again")]
    TooLate,
    /// The file ended before its announced length, or went on after it.
    #[error("the file broke off or does not have the length that its host announced: try again")]
    BrokenOff,
}

impl MediaError {
    /// Whether the caller has to change something. Otherwise the same URL may work later.
    #[must_use]
    pub fn is_the_callers_fault(&self) -> bool {
        match self {
            Self::NotAllowed | Self::Encoded | Self::TooLarge { .. } | Self::Empty => true,
            Self::Status(status) => !matches!(status, 408 | 425 | 429 | 500..),
            // A name that does not exist cannot be told from a name server that is out of order.
            Self::Unresolvable | Self::Unreachable | Self::TooLate | Self::BrokenOff => false,
        }
    }

    /// Why no answer came: what our own resolver said, if it was the one that failed.
    pub(super) fn from_transport(error: &reqwest::Error) -> Self {
        iter::successors(error.source(), |&error| error.source())
            .find_map(|error| error.downcast_ref::<Self>())
            .copied()
            .unwrap_or(Self::Unreachable)
    }
}

fn other_status(status: u16) -> String {
    match status {
        300..400 => {
            format!(
                "the file's host answered with the status {status}: redirects are not followed, name where it leads"
            )
        }
        408 | 425 | 429 | 500.. => format!("the file's host answered with the status {status}: try again later"),
        _ => format!("the file's host answered with the status {status}: name a file that it serves to everybody"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_work_later_is_not_the_callers_fault() {
        for (error, fault) in [
            (MediaError::NotAllowed, true),
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
            (MediaError::Encoded, true),
            (MediaError::TooLarge { maximum: 1 }, true),
            (MediaError::Empty, true),
            (MediaError::TooLate, false),
            (MediaError::BrokenOff, false),
        ] {
            assert_eq!(fault, error.is_the_callers_fault(), "{error}");
        }
    }

    #[test]
    fn only_a_redirect_is_said_to_be_one() {
        for (status, redirect) in [(206, false), (300, true), (302, true), (399, true), (400, false), (404, false)] {
            let text = MediaError::Status(status).to_string();
            assert_eq!(redirect, text.contains("redirect"), "{text}");
            assert!(text.contains(&status.to_string()), "{text}");
        }
    }
}
