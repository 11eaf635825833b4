//! Request bodies. The signature covers all of a body, so it is in memory: in parts, so that a file is not copied.

use crate::http_client::{FormFile, form_data};
use crate::platform::ApiError;
use crate::platform::transport::json_body;
use crate::platform::upload::CustomerFile;
use crate::signature::hub;
use bytes::Bytes;
use http::HeaderValue;
use secrecy::SecretString;
use serde::Serialize;
use std::convert::Infallible;

pub(super) struct RequestBody {
    pub(super) content_type: HeaderValue,
    parts: Vec<Bytes>,
}

impl RequestBody {
    pub(super) fn json(document: &impl Serialize) -> Result<Self, ApiError> {
        let content_type = HeaderValue::from_static("application/json");
        Ok(Self { content_type, parts: vec![json_body(document)?.into()] })
    }

    /// `multipart/form-data` with one part, `file`.
    pub(super) fn form(file: &CustomerFile) -> Result<Self, ApiError> {
        let CustomerFile { name, content_type, content } = file;
        let (content_type, parts) = form_data([], &FormFile { field: "file", name, content_type, content })
            .map_err(|_| ApiError::NotSent("the content type is not valid in a header"))?;
        Ok(Self { content_type, parts })
    }

    /// In bytes.
    pub(super) fn length(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// The value of `X-Hub-Signature`.
    pub(super) fn signature(&self, secret: &SecretString) -> String {
        let parts: Vec<&[u8]> = self.parts.iter().map(|part| &**part).collect();
        hub::sign_sha1_of_parts(&parts, secret)
    }

    /// The body for one attempt.
    pub(super) fn to_request(&self) -> reqwest::Body {
        match self.parts.as_slice() {
            [only] => only.clone().into(),
            _ => {
                let parts = self.parts.clone().into_iter().map(Ok::<_, Infallible>);
                reqwest::Body::wrap_stream(futures::stream::iter(parts))
            }
        }
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.parts.concat()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_one_part_with_the_files_name_and_type_and_is_signed_as_a_whole() {
        let form = RequestBody::form(&CustomerFile {
            name: "a \"b\"\r\nä.png".to_owned(),
            content_type: HeaderValue::from_static("image/png"),
            content: vec![Bytes::from_static(b"con"), Bytes::from_static(b"tent")],
        })
        .unwrap();
        let content_type = form.content_type.to_str().unwrap();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a %22b%22%0D%0Aä.png\"\r\n\
             Content-Type: image/png\r\n\r\ncontent\r\n--{boundary}--\r\n"
        );
        let secret = SecretString::from("test-app-secret");
        assert_eq!(expected, form.text());
        assert_eq!(expected.len(), form.length());
        assert_eq!(hub::sign_sha1(expected.as_bytes(), &secret), form.signature(&secret));
    }
}
