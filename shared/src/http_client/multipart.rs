//! A form with a file: `multipart/form-data`.
//!
//! Source: <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>.

use bytes::Bytes;
use http::HeaderValue;
use http::header::InvalidHeaderValue;
use uuid::Uuid;

/// The file of a form.
pub(crate) struct FormFile<'f> {
    /// The name of its field.
    pub(crate) field: &'f str,
    pub(crate) name: &'f str,
    pub(crate) content_type: &'f HeaderValue,
    /// In parts, in order, so that it is not copied.
    pub(crate) content: &'f [Bytes],
}

/// The content type and the body of a form with these texts and a file.
pub(crate) fn form_data<'f>(
    texts: impl IntoIterator<Item = (&'f str, String)>,
    file: &FormFile<'f>,
) -> Result<(HeaderValue, Vec<Bytes>), InvalidHeaderValue> {
    // A random boundary is in none of the values.
    let boundary = Uuid::new_v4().simple();
    let content_type = format!("multipart/form-data; boundary={boundary}").parse()?;
    let mut head = Vec::new();
    for (field, text) in texts {
        let part =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{text}\r\n", escaped(field));
        head.extend_from_slice(part.as_bytes());
    }
    let (field, name) = (escaped(file.field), escaped(file.name));
    let disposition = format!("Content-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"");
    head.extend_from_slice(format!("--{boundary}\r\n{disposition}\r\nContent-Type: ").as_bytes());
    head.extend_from_slice(file.content_type.as_bytes());
    head.extend_from_slice(b"\r\n\r\n");
    let tail = format!("\r\n--{boundary}--\r\n");
    Ok((content_type, [head.into()].into_iter().chain(file.content.iter().cloned()).chain([tail.into()]).collect()))
}

fn escaped(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> (String, String) {
        let content = [Bytes::from_static(b"con"), Bytes::from_static(b"tent")];
        let content_type = HeaderValue::from_static("image/png");
        let file =
            FormFile { field: "file", name: "a \"b\"\r\nä.png", content_type: &content_type, content: &content };
        let (content_type, body) = form_data([("chat", "5".to_owned())], &file).unwrap();
        let boundary = content_type.to_str().unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
        (boundary.to_owned(), String::from_utf8(body.concat()).unwrap())
    }

    #[test]
    fn a_form_has_a_part_for_each_text_and_one_with_the_files_name_and_type() {
        let (boundary, body) = form();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"chat\"\r\n\r\n5\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a %22b%22%0D%0Aä.png\"\r\n\
             Content-Type: image/png\r\n\r\ncontent\r\n--{boundary}--\r\n"
        );
        assert_eq!(expected, body);
    }

    #[test]
    fn no_two_forms_have_the_same_boundary() {
        assert_ne!(form().0, form().0);
    }
}
