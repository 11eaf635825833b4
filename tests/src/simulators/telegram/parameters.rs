//! The parameters of a call: JSON, a form, a multipart form, or a query. Each value is a text, which may have JSON.

use super::answers::Refusal;
use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use multer::Multipart;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::convert::Infallible;
use url::form_urlencoded;

/// A file in a form.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) content_type: Option<String>,
    pub(super) content: Bytes,
}

#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub(super) values: BTreeMap<String, String>,
    pub(super) files: BTreeMap<String, Upload>,
}

impl Parameters {
    pub(super) async fn read(query: Option<&str>, headers: &HeaderMap, body: Bytes) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        parameters.read_form(query.unwrap_or_default().as_bytes());
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match content_type.split(';').next().unwrap_or_default() {
            "application/json" => parameters.read_json(&body)?,
            "application/x-www-form-urlencoded" => parameters.read_form(&body),
            "multipart/form-data" => parameters.read_multipart(content_type, body).await?,
            _ => {}
        }
        Ok(parameters)
    }

    fn read_form(&mut self, form: &[u8]) {
        self.values.extend(form_urlencoded::parse(form).into_owned());
    }

    fn read_json(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let wrong = |_| Refusal::bad_request("can't parse JSON object");
        for (name, value) in serde_json::from_slice::<Map<String, Value>>(body).map_err(wrong)? {
            let value = match value {
                Value::Null => continue,
                Value::String(text) => text,
                other => other.to_string(),
            };
            self.values.insert(name, value);
        }
        Ok(())
    }

    async fn read_multipart(&mut self, content_type: &str, body: Bytes) -> Result<(), Refusal> {
        let wrong = |_| Refusal::bad_request("can't parse the form");
        let boundary = multer::parse_boundary(content_type).map_err(wrong)?;
        let mut form = Multipart::new(futures::stream::iter([Ok::<_, Infallible>(body)]), boundary);
        while let Some(part) = form.next_field().await.map_err(wrong)? {
            let name = part.name().map(str::to_owned).ok_or_else(|| Refusal::bad_request("a part has no name"))?;
            let content_type = part.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let content_type = content_type.map(str::to_owned);
            if let Some(file_name) = part.file_name().map(str::to_owned) {
                let content = part.bytes().await.map_err(wrong)?;
                self.files.insert(name, Upload { name: file_name, content_type, content });
            } else {
                self.values.insert(name, part.text().await.map_err(wrong)?);
            }
        }
        Ok(())
    }

    /// The value, if there is one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// The value as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let read = |text: &str| serde_json::from_str(text);
        let wrong = |_| Refusal::bad_request(&format!("can't parse {name}"));
        self.text(name).map(read).transpose().map_err(wrong)
    }
}
