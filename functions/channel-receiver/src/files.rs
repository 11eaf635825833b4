//! `GET …/channel/files/{token}`: a customer's file, which the provider guards and the platform fetches without credentials.

use crate::receiver::{Receiver, channel_of};
use jiff::Timestamp;
use lambda_http::http::{HeaderValue, header};
use lambda_http::{Body, Response};
use shared::api::problem::{Problem, ProblemType, with_request_id};
use shared::api::request::ApiRequest;
use shared::channel::{FileError, FileLink};
use shared::integration::Integration;
use tracing::Span;

impl Receiver {
    /// The file of a link that Patchbay made. The link is the credential: it is sealed, and expires.
    pub(crate) async fn file(
        &self,
        integration: &Integration,
        token: &str,
        request: &ApiRequest,
    ) -> Result<Response<Body>, Problem> {
        let channel = channel_of(integration)?;
        Span::current().record("channel", channel.name().as_str());
        let link = FileLink::open(channel.sealer(), token, Timestamp::now());
        let link =
            link.ok_or_else(|| Problem::new(ProblemType::FileNotFound, "The link is not valid, or has expired."))?;
        let read = self.channels.read_file(channel, &link.reference, FileLink::MAXIMUM_BYTES, request.deadline()).await;
        let content = read.map_err(|error| of_file(&error))?;
        let milliseconds = request.received_at.elapsed().as_millis() as u64;
        tracing::info!(outcome = "file_read", bytes = content.len(), milliseconds);
        let mut response = Response::new(Body::Binary(content.to_vec()));
        let headers = response.headers_mut();
        // What it is said to be, and no script of this origin.
        let content_type = HeaderValue::from_str(&link.mime);
        headers
            .insert(header::CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        if let Some(disposition) = disposition(link.filename.as_deref()) {
            headers.insert(header::CONTENT_DISPOSITION, disposition);
        }
        Ok(with_request_id(response, &request.request_id))
    }
}

/// RFC 6266. A name may be anything, so it is encoded.
fn disposition(filename: Option<&str>) -> Option<HeaderValue> {
    let encoded: String = filename?.bytes().map(encode).collect();
    HeaderValue::try_from(format!("inline; filename*=UTF-8''{encoded}")).ok()
}

/// RFC 8187, section 3.2.1.
fn encode(byte: u8) -> String {
    let is_plain = byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
    if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

fn of_file(error: &FileError) -> Problem {
    match error {
        FileError::TooLarge { maximum } => {
            let explanation = format!("The file is larger than {maximum} bytes, and cannot be handed out.");
            Problem::new(ProblemType::FileTooLarge, explanation)
        }
        FileError::NotFound => Problem::new(ProblemType::FileNotFound, "The channel no longer has the file."),
        FileError::Credentials | FileError::Unavailable(_) => {
            tracing::error!(reason = %error, "the file could not be read");
            Problem::unavailable("The file could not be read.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_file_can_add_a_header_or_end_the_value() {
        let disposition = disposition(Some("a\"b\r\nX: y;é.png")).unwrap();
        assert_eq!("inline; filename*=UTF-8''a%22b%0D%0AX%3A%20y%3B%C3%A9.png", disposition);
    }
}
