//! Uploading a file to a platform, to be sent in a message: an agent's, streamed, or a customer's, as a whole.

use super::error::{ApiError, CredentialsRefusal, PlatformError};
use super::transport::MIN_ATTEMPT_TIME;
use bytes::Bytes;
use http::HeaderValue;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;
use url::Url;

/// The time that must be left after the upload: to check that the platform found the file valid, and to send the message.
pub const TIME_TO_SEND: Duration = MIN_ATTEMPT_TIME.saturating_mul(2);
/// The time that must be left after the upload of a customer's file, to post the message.
pub const TIME_TO_POST: Duration = MIN_ATTEMPT_TIME;
/// The shortest time in which a customer's file is fetched, uploaded and posted.
pub const MIN_FILE_TIME: Duration = MIN_ATTEMPT_TIME.saturating_mul(3);
/// The longest file name, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// Characters that a file name must not contain, besides white space and control characters.
const FORBIDDEN_IN_NAMES: &str = "\\{^}%`]\">[~<#|/";

/// A file name by the rules of Genesys Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

/// The text is not a valid file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 255 bytes, no leading dot, no white space and none of \\ {{ ^ }} % ` ] \" > [ ~ < # | /")]
pub struct InvalidFileName;

impl FromStr for FileName {
    type Err = InvalidFileName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let forbidden = |character: char| {
            character.is_whitespace() || character.is_control() || FORBIDDEN_IN_NAMES.contains(character)
        };
        let good = (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.starts_with('.') && !text.contains(forbidden);
        if good { Ok(Self(text.to_owned())) } else { Err(InvalidFileName) }
    }
}

impl FileName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A file to upload.
#[derive(Debug)]
pub struct Upload {
    pub name: FileName,
    pub content_type: HeaderValue,
    /// The size in bytes.
    pub length: u64,
    /// Exactly `length` bytes; `None` once they have been sent.
    pub body: Mutex<Option<reqwest::Body>>,
}

/// A customer's file. It is in memory, because the request that uploads it is signed as a whole.
pub struct CustomerFile {
    pub name: String,
    pub content_type: HeaderValue,
    /// In parts, in order.
    pub content: Vec<Bytes>,
}

/// How the platform answered the upload of a customer's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileUpload {
    /// It stores the file under this URL of its own.
    Stored(Url),
    /// It does not accept this file. Its message can name the file's own URL instead.
    Refused(PlatformError),
}

/// Why an upload failed. No message was sent.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A call to the platform's API failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The transfer failed; the text says how.
    #[error("the upload failed: {0}")]
    NotUploaded(&'static str),
    /// The upload location refused the bytes.
    #[error("the upload was refused with status {0}")]
    Refused(u16),
    /// The platform rejected the file.
    #[error("the platform rejected the file as invalid")]
    Invalid,
    /// The platform did not finish checking the file in time.
    #[error("the platform did not finish checking the file in time")]
    ProcessingTimeout,
}

impl CredentialsRefusal for UploadError {
    fn is_credentials_refusal(&self) -> bool {
        matches!(self, Self::Api(error) if error.is_credentials_refusal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_must_be_valid_on_the_platform() {
        for good in ["a", "photo.png", "a.b.c", "über-uns_(2).pdf", &"x".repeat(255)] {
            assert!(good.parse::<FileName>().is_ok(), "{good}");
        }
        for bad in ["", ".hidden", "a b", "a\tb", "a\nb", "a\u{a0}b", "a/b", &"x".repeat(256)] {
            assert!(bad.parse::<FileName>().is_err(), "{bad}");
        }
        for character in "\\{^}%`]\">[~<#|".chars() {
            assert!(format!("a{character}b").parse::<FileName>().is_err(), "{character}");
        }
    }
}
