//! A part of a message as Telegram's API takes it.

use super::text::{Entity, Passage};
use crate::json::fields::media_type_essence;
use crate::model::message::Attachment;
use serde::Serialize;
use serde_json::{Map, Value, json};
use url::Url;

/// The most buttons of a message.
pub(super) const MAX_BUTTONS: usize = 100;
/// The longest labels, in characters, with which three or two buttons stand side by side.
const THREE_IN_A_ROW: usize = 10;
const TWO_IN_A_ROW: usize = 18;

/// A part of a message: what one call sends.
pub struct Part {
    pub(super) chat: i64,
    pub(super) content: Content,
    /// At most [`MAX_BUTTONS`].
    pub(super) buttons: Vec<Button>,
}

pub(super) enum Content {
    Text(Passage),
    File { file: OutgoingFile, caption: Option<Passage> },
}

#[derive(Serialize)]
pub(super) struct Button {
    text: String,
    #[serde(flatten)]
    action: Action,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Url(String),
    CallbackData(String),
}

impl Button {
    pub(super) fn option(label: &str, data: String) -> Self {
        Self { text: label.to_owned(), action: Action::CallbackData(data) }
    }

    /// A button that opens a page; `None` for a target that Telegram does not open.
    pub(super) fn link(label: &str, target: &str) -> Option<Self> {
        let url = web_url(target)?;
        // Telegram refuses a message with a local host.
        let host = url.host_str().filter(|host| host.contains(['.', ':']))?;
        let text = if label.is_empty() { host } else { label };
        Some(Self { text: text.to_owned(), action: Action::Url(target.to_owned()) })
    }

    pub(super) fn label(&self) -> &str {
        &self.text
    }
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    Photo,
    Video,
    Animation,
    Audio,
    Voice,
    Document,
}

impl Medium {
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Photo => "sendPhoto",
            Self::Video => "sendVideo",
            Self::Animation => "sendAnimation",
            Self::Audio => "sendAudio",
            Self::Voice => "sendVoice",
            Self::Document => "sendDocument",
        }
    }

    /// The parameter with the file.
    pub(super) fn parameter(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Video => "video",
            Self::Animation => "animation",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Document => "document",
        }
    }

    /// By the file's own type, else by the platform's word. Telegram shows only a few types as more than a document.
    fn of(mime: Option<&str>, media_type: Option<&str>) -> Self {
        match mime.and_then(|mime| mime.split_once('/')) {
            Some(("image", "gif")) => Self::Animation,
            Some(("image", "jpeg" | "jpg" | "pjpeg" | "png" | "webp")) => Self::Photo,
            Some(("video", "mp4")) => Self::Video,
            Some(("audio", "mpeg" | "mp3" | "mp4" | "m4a" | "x-m4a")) => Self::Audio,
            Some(("audio", "ogg" | "opus")) => Self::Voice,
            Some(_) => Self::Document,
            None => match media_type.map(str::to_ascii_lowercase).as_deref() {
                Some("image") => Self::Photo,
                Some("video") => Self::Video,
                Some("audio") => Self::Audio,
                _ => Self::Document,
            },
        }
    }
}

/// A file of the platform.
pub(super) struct OutgoingFile {
    pub(super) medium: Medium,
    pub(super) url: String,
    pub(super) name: Option<String>,
    /// The media type by RFC 6838, as the platform declares it.
    pub(super) mime: Option<String>,
}

impl OutgoingFile {
    /// `None` for a file that can only be named.
    pub(super) fn of(file: &Attachment) -> Option<Self> {
        let is_page = file.media_type.as_deref().is_some_and(|word| word.eq_ignore_ascii_case("Link"));
        let url = file.url.as_deref().filter(|_| !is_page)?;
        let parsed = web_url(url)?;
        let mime = file.mime.as_deref().and_then(media_type_essence).filter(|mime| mime != ANY_TYPE);
        let by_name = || file.filename.as_deref().and_then(type_by_name).or_else(|| type_by_name(parsed.path()));
        let medium = Medium::of(mime.as_deref().or_else(by_name), file.media_type.as_deref());
        Some(Self { medium, url: url.to_owned(), name: file.filename.clone(), mime })
    }

    /// The name under which the customer gets an upload.
    pub(super) fn upload_name(&self) -> String {
        let of_url = || Some(web_url(&self.url)?.path_segments()?.next_back()?.to_owned());
        let name = self.name.clone().or_else(of_url).filter(|name| !name.trim().is_empty());
        name.unwrap_or_else(|| self.medium.parameter().to_owned())
    }

    /// A line that names it, if it cannot be sent.
    pub(super) fn as_text(&self) -> String {
        match self.name.as_deref() {
            Some(name) if !name.is_empty() => format!("{name}: {}", self.url),
            _ => self.url.clone(),
        }
    }
}

/// The media type of what may be anything.
pub(super) const ANY_TYPE: &str = "application/octet-stream";

/// For files of which the platform says only the name, such as the image of a card.
fn type_by_name(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "mp4" => "video/mp4",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "ogg" | "oga" | "opus" => "audio/ogg",
        _ => return None,
    })
}

fn web_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// The parameters of a call.
pub(super) type Parameters = Map<String, Value>;

impl Part {
    pub(super) fn has_text(&self) -> bool {
        !matches!(self.content, Content::File { caption: None, .. })
    }

    /// The parameters for a text.
    pub(super) fn with_text(&self, text: &str, entities: &[Entity]) -> Parameters {
        let mut parameters = self.parameters();
        parameters.insert("text".to_owned(), text.into());
        parameters.insert("link_preview_options".to_owned(), json!({"is_disabled": true}));
        add_entities(&mut parameters, "entities", entities);
        parameters
    }

    /// The parameters for a file, without the file itself.
    pub(super) fn with_caption(&self, caption: Option<&Passage>) -> Parameters {
        let mut parameters = self.parameters();
        if let Some(caption) = caption {
            parameters.insert("caption".to_owned(), caption.text.as_str().into());
            add_entities(&mut parameters, "caption_entities", &caption.entities);
        }
        parameters
    }

    fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::from_iter([("chat_id".to_owned(), self.chat.into())]);
        if !self.buttons.is_empty() {
            parameters.insert("reply_markup".to_owned(), keyboard(&self.buttons));
        }
        parameters
    }
}

fn add_entities(parameters: &mut Parameters, name: &str, entities: &[Entity]) {
    if !entities.is_empty() {
        parameters.insert(name.to_owned(), json!(entities));
    }
}

/// The value of `reply_markup`.
pub(super) fn keyboard(buttons: &[Button]) -> Value {
    json!({"inline_keyboard": rows(buttons)})
}

/// One button in a row, or more if all labels are short.
fn rows(buttons: &[Button]) -> Vec<&[Button]> {
    let longest = buttons.iter().map(|button| button.text.chars().count()).max().unwrap_or_default();
    let in_a_row = if longest <= THREE_IN_A_ROW {
        3
    } else if longest <= TWO_IN_A_ROW {
        2
    } else {
        1
    };
    buttons.chunks(in_a_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_have_a_label_and_an_action_and_stand_side_by_side_when_short() {
        let layout = |labels: &[&str]| {
            let buttons: Vec<_> = labels.iter().map(|label| Button::option(label, String::new())).collect();
            rows(&buttons).iter().map(|row| row.len()).collect::<Vec<_>>()
        };
        assert_eq!(vec![3, 1], layout(&["a", "b", "c", &"d".repeat(10)]));
        assert_eq!(vec![2, 1], layout(&["a", "b", &"c".repeat(18)]));
        assert_eq!(vec![1, 1], layout(&["a", &"b".repeat(19)]));
        let link = Button::link("Terms", "https://www.example.com/terms").unwrap();
        assert_eq!(json!({"text": "Terms", "url": "https://www.example.com/terms"}), json!(link));
        assert_eq!(json!({"text": "Yes", "callback_data": "k:1"}), json!(Button::option("Yes", "k:1".to_owned())));
    }

    #[test]
    fn only_pages_that_telegram_opens_become_buttons_and_a_nameless_one_has_its_host() {
        assert_eq!("www.example.com", Button::link("", "https://www.example.com/a").unwrap().label());
        for target in ["", "+4930123", "tel:+4930123", "ftp://example.com", "http://localhost/", "example.com"] {
            assert!(Button::link("Call", target).is_none(), "{target}");
        }
    }

    #[test]
    fn a_file_is_sent_by_its_type_else_by_its_name_else_by_the_platforms_word() {
        let medium = |media_type: &str, mime: Option<&str>, name: &str| {
            let file = Attachment {
                media_type: Some(media_type.to_owned()),
                url: Some(format!("https://e.com/{name}?x=.png")),
                filename: None,
                mime: mime.map(str::to_owned),
            };
            OutgoingFile::of(&file).map(|file| file.medium)
        };
        for (media_type, mime, name, expected) in [
            ("Image", Some("image/png"), "a", Some(Medium::Photo)),
            ("Image", Some("IMAGE/GIF; q=1"), "a", Some(Medium::Animation)),
            ("Image", Some("image/svg+xml"), "a", Some(Medium::Document)),
            ("Video", Some("video/mp4"), "a", Some(Medium::Video)),
            ("Video", Some("video/webm"), "a", Some(Medium::Document)),
            ("Audio", Some("audio/mpeg"), "a", Some(Medium::Audio)),
            ("Audio", Some("audio/ogg; codecs=opus"), "a", Some(Medium::Voice)),
            ("Audio", Some("audio/wav"), "a", Some(Medium::Document)),
            ("File", Some("application/pdf"), "a.png", Some(Medium::Document)),
            ("File", Some(ANY_TYPE), "a.JPG", Some(Medium::Photo)),
            ("Image", None, "a.gif", Some(Medium::Animation)),
            ("Image", None, "a", Some(Medium::Photo)),
            ("video", None, "a", Some(Medium::Video)),
            ("File", None, "a", Some(Medium::Document)),
            ("Link", None, "a.png", None),
        ] {
            assert_eq!(expected, medium(media_type, mime, name), "{media_type} {mime:?} {name}");
        }
    }

    #[test]
    fn an_upload_has_the_files_name_else_the_last_of_its_url() {
        let name = |filename: Option<&str>, url: &str| {
            let (url, filename) = (Some(url.to_owned()), filename.map(str::to_owned));
            OutgoingFile::of(&Attachment { media_type: None, url, filename, mime: None }).unwrap().upload_name()
        };
        assert_eq!("b.pdf", name(Some("b.pdf"), "https://e.com/a.pdf"));
        assert_eq!("a.pdf", name(None, "https://e.com/x/a.pdf?key=1"));
        assert_eq!("document", name(Some(" "), "https://e.com/"));
    }
}
