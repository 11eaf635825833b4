//! Reads a file that a customer sent.

use super::error::FileError;
use crate::http_client::read_body_prefix;
use bytes::Bytes;

/// The body of a response, if it has at most `maximum` bytes.
pub(super) async fn read_content(response: reqwest::Response, maximum: u64) -> Result<Bytes, FileError> {
    let too_large = FileError::TooLarge { maximum };
    if response.content_length().is_some_and(|length| length > maximum) {
        return Err(too_large);
    }
    let limit = usize::try_from(maximum).unwrap_or(usize::MAX);
    match read_body_prefix(response, limit.saturating_add(1)).await {
        (content, _) if content.len() > limit => Err(too_large),
        (content, true) => Ok(content.into()),
        (_, false) => Err(FileError::Unavailable("the connection broke".to_owned())),
    }
}
