//! What a customer's message shows: its text and its file.

use crate::channel::event::{FileReference, ReceivedFile};
use crate::channel::link::FileLink;
use crate::channel::map::map_link;
use crate::json::fields::media_type_essence;
use crate::json::lenient::Members;
use crate::model::inbound::MediaType;
use serde_json::Value;

/// A message's text and file; neither for a service message, such as that of a pinned message.
pub(super) struct Content {
    pub(super) text: Option<String>,
    pub(super) files: Vec<ReceivedFile>,
}

/// The members with a file, the media type, and the type by RFC 6838 if Telegram names none. An animation also comes as a
/// document, so that is last.
const FILES: [(&str, MediaType, &str); 6] = [
    ("animation", MediaType::Video, "video/mp4"),
    ("video", MediaType::Video, "video/mp4"),
    ("video_note", MediaType::Video, "video/mp4"),
    ("audio", MediaType::Audio, "audio/mpeg"),
    ("voice", MediaType::Audio, "audio/ogg"),
    ("document", MediaType::File, "application/octet-stream"),
];

/// The members with content that has no form on a platform, and what the agent sees in its place.
const OTHER_KINDS: [(&str, &str); 10] = [
    ("poll", "[Poll]"),
    ("dice", "[Dice]"),
    ("story", "[Story]"),
    ("game", "[Game]"),
    ("rich_message", "[Formatted message]"),
    ("checklist", "[Checklist]"),
    ("paid_media", "[Paid media]"),
    ("invoice", "[Invoice]"),
    ("giveaway", "[Giveaway]"),
    ("gift", "[Gift]"),
];

/// Reads a message. Its kinds exclude each other.
pub(super) fn content(message: &Members<'_>) -> Content {
    let written = message.text("text").or_else(|| message.text("caption")).and_then(not_blank);
    let (shown, file) = match file(message) {
        Some(Ok(file)) => (None, Some(file)),
        Some(Err(notice)) => (Some(notice), None),
        None => (as_text(message), None),
    };
    let texts: Vec<_> = [written, shown].into_iter().flatten().collect();
    let text = not_blank(texts.join("\n"));
    Content { text, files: Vec::from_iter(file) }
}

/// The file, or a text in its place.
fn file(message: &Members<'_>) -> Option<Result<ReceivedFile, String>> {
    let named = |(name, media_type, mime): &(&str, MediaType, &str)| {
        let file = message.object(name)?;
        let mime = file.text("mime_type").as_deref().and_then(media_type_essence).unwrap_or_else(|| (*mime).to_owned());
        Some(received(&file, *media_type, mime))
    };
    let sticker = || {
        let sticker = message.object("sticker")?;
        let moves = ["is_animated", "is_video"].into_iter().any(|member| sticker.flag(member) == Some(true));
        Some(if moves {
            Err(sticker.text("emoji").and_then(not_blank).unwrap_or_else(|| "[Sticker]".to_owned()))
        } else {
            received(&sticker, MediaType::Image, "image/webp".to_owned())
        })
    };
    FILES.iter().find_map(named).or_else(|| photo(message)).or_else(sticker)
}

/// The largest size of a photo that can be handed out.
fn photo(message: &Members<'_>) -> Option<Result<ReceivedFile, String>> {
    let sizes: Vec<_> = message.objects("photo").collect();
    let pixels = |size: &&Members<'_>| {
        let side = |name: &str| size.count(name).unwrap_or_default();
        side("width").saturating_mul(side("height"))
    };
    let fitting = sizes.iter().filter(|size| !is_too_large(size)).max_by_key(pixels);
    let size = fitting.or_else(|| sizes.last())?;
    Some(received(size, MediaType::Image, "image/jpeg".to_owned()))
}

fn received(file: &Members<'_>, media_type: MediaType, mime: String) -> Result<ReceivedFile, String> {
    let filename = file.text("file_name").and_then(not_blank);
    let id = file.text("file_id").filter(|_| !is_too_large(file));
    let Some(id) = id else {
        let name = filename.unwrap_or(mime);
        let size = file.count("file_size").map(|bytes| format!(", {:.1} MB", bytes as f64 / 1e6)).unwrap_or_default();
        return Err(format!("[A file that cannot be passed on: {name}{size}]"));
    };
    Ok(ReceivedFile { media_type, mime, filename, reference: FileReference(id) })
}

fn is_too_large(file: &Members<'_>) -> bool {
    file.count("file_size").is_some_and(|bytes| bytes > FileLink::MAX_BYTES)
}

/// What has no file, as a text.
fn as_text(message: &Members<'_>) -> Option<String> {
    // A venue also comes as a location.
    if let Some(venue) = message.object("venue") {
        let lines = [venue.text("title"), venue.text("address"), location_link(&venue)];
        return not_blank(lines.into_iter().flatten().collect::<Vec<_>>().join("\n"));
    }
    if message.has("location") {
        return location_link(message).or_else(|| Some("[Location]".to_owned()));
    }
    if let Some(contact) = message.object("contact") {
        let names = ["first_name", "last_name"].into_iter().filter_map(|name| contact.text(name));
        let name = names.collect::<Vec<_>>().join(" ");
        let parts = [not_blank(name), contact.text("phone_number").and_then(not_blank)];
        return not_blank(parts.into_iter().flatten().collect::<Vec<_>>().join(": "));
    }
    OTHER_KINDS.iter().find(|(name, _)| message.has(name)).map(|(_, text)| (*text).to_owned())
}

fn not_blank(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

/// A link that opens the place of `location` on a map.
fn location_link(place: &Members<'_>) -> Option<String> {
    let location = place.json("location")?;
    let degrees = |name: &str| match location.get(name)? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    map_link(degrees("latitude")?, degrees("longitude")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn blank_members_are_no_text() {
        let blank = " \n";
        for (message, expected) in [
            (json!({"text": blank}), None),
            (json!({"venue": {"title": blank, "address": blank}}), None),
            (json!({"contact": {"first_name": blank, "last_name": "", "phone_number": blank}}), None),
            (json!({"contact": {"first_name": blank, "phone_number": "+15550100"}}), Some("+15550100")),
            (json!({"contact": {"first_name": "Ada", "phone_number": blank}}), Some("Ada")),
            (json!({"caption": blank, "sticker": {"is_video": true, "emoji": blank}}), Some("[Sticker]")),
        ] {
            let document = message.to_string();
            let message: Members<'_> = serde_json::from_str(&document).unwrap();
            assert_eq!(expected, content(&message).text.as_deref(), "{document}");
        }
    }
}
