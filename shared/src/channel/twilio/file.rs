//! Which files can be sent as such, and not as a link.
//!
//! Source: <https://www.twilio.com/docs/messaging/guides/accepted-mime-types>.

use crate::json::fields::media_type_essence;
use crate::model::message::Attachment;
use url::Url;

/// The URL, if Twilio can fetch it: without credentials, and by TLS.
pub(super) fn fetchable_url(file: &Attachment) -> Option<String> {
    let url = Url::parse(file.url.as_deref()?.trim()).ok()?;
    let is_bare = url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" && is_bare).then(|| url.into())
}

fn mime(file: &Attachment) -> Option<String> {
    file.mime.as_deref().and_then(media_type_essence)
}

fn has_media_type(file: &Attachment, words: &[&str]) -> bool {
    file.media_type.as_deref().is_some_and(|given| words.iter().any(|word| word.eq_ignore_ascii_case(given)))
}

/// The types that are adapted to what carriers accept.
pub(super) fn is_mms_picture(file: &Attachment) -> bool {
    match mime(file).as_deref() {
        Some(mime) => matches!(mime, "image/jpeg" | "image/jpg" | "image/png" | "image/gif"),
        None => has_media_type(file, &["Image"]),
    }
}

/// The types that WhatsApp accepts. Others would fail.
pub(super) fn is_whatsapp_file(file: &Attachment) -> bool {
    const TYPES: [&str; 16] = [
        "image/jpeg",
        "image/jpg",
        "image/png",
        "image/webp",
        "audio/ogg",
        "audio/amr",
        "audio/3gpp",
        "audio/aac",
        "audio/mpeg",
        "video/mp4",
        "application/pdf",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "text/vcard",
        "text/x-vcard",
    ];
    match mime(file) {
        Some(mime) => {
            TYPES.contains(&mime.as_str()) || mime.starts_with("application/vnd.openxmlformats-officedocument.")
        }
        None => has_media_type(file, &["Image", "Video", "Audio"]),
    }
}

/// Beside any other file a text is dropped. An `image/webp` is a sticker.
pub(super) fn may_have_caption(file: &Attachment) -> bool {
    match mime(file).as_deref() {
        Some(mime) => matches!(mime, "image/jpeg" | "image/jpg" | "image/png"),
        None => has_media_type(file, &["Image"]),
    }
}
