//! Responses: `Retry-After`, and bodies with a size limit.

use http::{HeaderMap, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use std::time::Duration;

/// The longest `Retry-After` that can be honoured: SQS limits the visibility timeout of a message to twelve hours.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(11 * 3600);

/// The delay that a `Retry-After` header asks for, as seconds or as a date, up to [`MAX_RETRY_AFTER`].
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => Duration::MAX,
        Err(_) => {
            let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
            date.duration_since(now).try_into().unwrap_or_default()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Reads the body of `response`, if it has at most `maximum` bytes.
///
/// # Errors
/// The body is longer, or the connection broke.
pub async fn read_body_limited(response: reqwest::Response, maximum: usize) -> Result<Vec<u8>, BodyError> {
    match read_body_prefix(response, maximum).await {
        (body, true) => Ok(body),
        (_, false) => Err(BodyError),
    }
}

/// Reads up to `maximum` bytes of the body of `response`. The flag says whether that is the whole body.
pub async fn read_body_prefix(mut response: reqwest::Response, maximum: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= maximum => body.extend_from_slice(&chunk),
            Ok(Some(chunk)) => {
                body.extend(chunk.iter().take(maximum - body.len()));
                return (body, false);
            }
            Ok(None) => return (body, true),
            Err(_) => return (body, false),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is too long or was truncated")]
pub struct BodyError;

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Reads a body of 10 bytes from a server that announces `content_length` bytes and then closes the connection.
    async fn prefix_of_body(content_length: usize, maximum: usize) -> (Vec<u8>, bool) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serve = async {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                connection.read_buf(&mut request).await.unwrap();
            }
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {content_length}\r\n\r\n0123456789");
            connection.write_all(response.as_bytes()).await.unwrap();
        };
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let (response, ()) = tokio::join!(client.get(&url).send(), serve);
        read_body_prefix(response.unwrap(), maximum).await
    }

    #[tokio::test]
    async fn the_prefix_of_a_body_that_is_too_long_or_truncated_is_returned_and_marked_as_incomplete() {
        let all = b"0123456789".to_vec();
        assert_eq!((all.clone(), true), prefix_of_body(10, 10).await);
        assert_eq!((all[..9].to_vec(), false), prefix_of_body(10, 9).await);
        assert_eq!((all, false), prefix_of_body(11, 100).await);
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("Fri, 02 Jan 2026 03:05:05 GMT", Some(60)),
            ("Fri, 02 Jan 2026 03:00:00 GMT", Some(0)),
            ("99999999", Some(11 * 3600)),
            ("99999999999999999999999", Some(11 * 3600)),
            ("soon", None),
            ("", None),
            ("-5", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(value))]);
            assert_eq!(seconds.map(Duration::from_secs), retry_after(&headers, now), "{value}");
        }
    }
}
