//! `GET …/channel/files/{token}`: a customer's file, which the provider guards and the platform fetches without credentials.
//! `HEAD` answers what the link says of it, without a call to the provider.

use crate::receiver::{Receiver, channel_of};
use jiff::Timestamp;
use lambda_http::http::{HeaderMap, HeaderValue, Method, header};
use lambda_http::{Body, Response};
use shared::api::problem::{Problem, ProblemType, with_request_id};
use shared::api::request::ApiRequest;
use shared::channel::{ChannelConfig, FileError, FileLink};
use shared::integration::Integration;
use shared::json::fields::media_type_essence;
use std::sync::Arc;
use tracing::Span;

impl Receiver {
    /// The file of a link that Patchbay made. The link is the credential: it is sealed, and expires.
    pub(crate) async fn file(
        &self,
        integration: Arc<Integration>,
        token: &str,
        request: &ApiRequest,
    ) -> Result<Response<Body>, Problem> {
        Span::current().record("channel", channel_of(&integration)?.name().as_str());
        let open = |channel: &ChannelConfig| FileLink::open(channel.sealer(), token, Timestamp::now());
        let opened = self.integrations.open_sealed(integration, open).await?;
        let (integration, link) =
            opened.ok_or_else(|| Problem::new(ProblemType::FileNotFound, "The link is not valid, or has expired."))?;
        let channel = channel_of(&integration)?;
        let body = if request.method == Method::HEAD {
            Body::Empty
        } else {
            let maximum = FileLink::MAX_BYTES;
            let read = self.channels.read_file(channel, &link.reference, maximum, request.deadline()).await;
            let content = read.map_err(|error| of_file(&error))?;
            let milliseconds = request.received_at.elapsed().as_millis() as u64;
            tracing::info!(outcome = "file_read", bytes = content.len(), milliseconds);
            Body::Binary(content.to_vec())
        };
        let mut response = Response::new(body);
        response.headers_mut().extend(headers(&link));
        Ok(with_request_id(response, &request.request_id))
    }
}

/// The type of the file, and nothing that lets it run as a page of this origin.
fn headers(link: &FileLink) -> HeaderMap {
    let content_type = HeaderValue::from_str(&link.mime);
    let headers = [
        (header::CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"))),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    let disposition = disposition(link).map(|disposition| (header::CONTENT_DISPOSITION, disposition));
    headers.into_iter().chain(disposition).collect()
}

/// RFC 6266. A name may be anything, so it is encoded.
fn disposition(link: &FileLink) -> Option<HeaderValue> {
    let kind = if is_document_of_a_browser(&link.mime) { "attachment" } else { "inline" };
    let encoded = link.filename.as_deref().map(|name| name.bytes().map(encode).collect::<String>());
    let name = encoded.map(|name| format!("; filename*=UTF-8''{name}")).unwrap_or_default();
    HeaderValue::try_from(format!("{kind}{name}")).ok()
}

/// HTML and XML, such as SVG: browsers run the scripts in them.
fn is_document_of_a_browser(mime: &str) -> bool {
    let essence = media_type_essence(mime);
    essence.is_some_and(|mime| mime == "text/html" || mime.ends_with("/xml") || mime.ends_with("+xml"))
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
    use shared::channel::FileReference;

    fn link(mime: &str, filename: Option<&str>) -> FileLink {
        let reference = FileReference("reference".to_owned());
        FileLink { reference, mime: mime.to_owned(), filename: filename.map(str::to_owned), expires_at: 0 }
    }

    #[test]
    fn no_name_of_a_file_can_add_a_header_or_end_the_value() {
        let disposition = disposition(&link("image/png", Some("a\"b\r\nX: y;é.png"))).unwrap();
        assert_eq!("inline; filename*=UTF-8''a%22b%0D%0AX%3A%20y%3B%C3%A9.png", disposition);
    }

    #[test]
    fn a_file_in_which_a_browser_runs_scripts_is_downloaded_and_any_other_is_shown() {
        for (mime, expected) in [
            ("text/html", "attachment; filename*=UTF-8''a"),
            ("Text/HTML; charset=utf-8", "attachment; filename*=UTF-8''a"),
            ("image/svg+xml", "attachment; filename*=UTF-8''a"),
            ("application/xhtml+xml", "attachment; filename*=UTF-8''a"),
            ("text/xml", "attachment; filename*=UTF-8''a"),
            ("application/xml", "attachment; filename*=UTF-8''a"),
            ("image/png", "inline; filename*=UTF-8''a"),
            ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "inline; filename*=UTF-8''a"),
            ("", "inline; filename*=UTF-8''a"),
        ] {
            assert_eq!(expected, disposition(&link(mime, Some("a"))).unwrap(), "{mime}");
        }
        assert_eq!("attachment", disposition(&link("text/html", None)).unwrap());
    }

    #[test]
    fn a_type_that_is_no_header_is_any_type() {
        let headers = headers(&link("text/html\r\nX: y", None));
        assert_eq!("application/octet-stream", headers[header::CONTENT_TYPE]);
        assert_eq!("nosniff", headers[header::X_CONTENT_TYPE_OPTIONS]);
    }
}
