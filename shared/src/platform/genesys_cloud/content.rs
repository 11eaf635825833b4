//! The parts of a message: every content type that can reach an open-messaging webhook has its type here; the others,
//! and whatever does not fit its type, are carried through untouched.
//!
//! All types keep the fields they do not know in `extra`, so that reading and writing again loses nothing.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Fields that are not known here.
type Extra = Map<String, Value>;

const CONTENT_TYPE: &str = "contentType";

/// One part of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentItem {
    /// What it is.
    pub content: Content,
    /// Fields beside the content.
    pub extra: Extra,
}

/// What one part of a message is.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A file.
    Attachment(Attachment),
    /// A message made from a template.
    Notification(Box<NotificationTemplate>),
    /// One of the answers offered under a message.
    QuickReply(QuickReply),
    /// A title with the answers offered under it.
    QuickReplyV2(QuickReplyV2),
    /// A card.
    Card(Card),
    /// Several cards beside each other.
    Carousel(Carousel),
    /// A choice of times.
    DatePicker(DatePicker),
    /// Content of other channels, or content that does not fit its type: as it came.
    Other(Value),
}

/// Pairs each content type with the field that holds it.
macro_rules! content_types {
    ($($variant:ident = $word:literal in $field:literal,)+) => {
        impl ContentItem {
            fn read(mut item: Map<String, Value>) -> Self {
                let word = item.get(CONTENT_TYPE).and_then(Value::as_str).unwrap_or_default().to_owned();
                $(if word.eq_ignore_ascii_case($word)
                    && let Some(content) = item.get($field).and_then(fit)
                {
                    item.remove(CONTENT_TYPE);
                    item.remove($field);
                    return Self { content: Content::$variant(content), extra: item };
                })+
                Self { content: Content::Other(Value::Object(item)), extra: Extra::new() }
            }

            /// The part in the platform's normalised form.
            #[must_use]
            pub fn to_value(&self) -> Value {
                let (word, field, content) = match &self.content {
                    $(Content::$variant(content) => ($word, $field, serde_json::to_value(content)),)+
                    Content::Other(value) => return value.clone(),
                };
                let mut item = self.extra.clone();
                item.insert(CONTENT_TYPE.to_owned(), word.into());
                item.insert(field.to_owned(), content.unwrap_or_default());
                Value::Object(item)
            }
        }
    };
}

content_types! {
    Attachment = "Attachment" in "attachment",
    Notification = "Notification" in "template",
    QuickReply = "QuickReply" in "quickReply",
    QuickReplyV2 = "QuickReplyV2" in "quickReplyV2",
    Card = "Card" in "card",
    Carousel = "Carousel" in "carousel",
    DatePicker = "DatePicker" in "datePicker",
}

fn fit<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

impl<'de> Deserialize<'de> for ContentItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Object(item) => Self::read(item),
            other => Self { content: Content::Other(other), extra: Extra::new() },
        })
    }
}

impl Serialize for ContentItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

/// Declares a content type: all fields optional, absent ones not written, unknown ones kept.
macro_rules! content_struct {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )+
            /// Fields that are not known here.
            #[serde(flatten)]
            pub extra: Extra,
        }
    };
}

content_struct! {
    /// A file: `ConversationContentAttachment`.
    Attachment {
        /// The platform's id of the file.
        id: String,
        /// `Image`, `Video`, `Audio`, `File` or `Link`.
        media_type: String,
        /// Where to fetch it.
        url: String,
        /// Its media type by RFC 6838.
        mime: String,
        /// Text to go with it.
        text: String,
        /// SHA-256 of its bytes.
        sha256: String,
        /// Its name.
        filename: String,
        /// Its size in bytes.
        content_size_bytes: u64,
    }
}

content_struct! {
    /// An answer to choose: `ConversationContentQuickReply`.
    QuickReply {
        /// What is shown, and said when it is chosen.
        text: String,
        /// What is sent when it is chosen.
        payload: String,
        /// URL of a picture.
        image: String,
        /// What choosing it does.
        action: String,
        /// What is shown in its place where lists are cut short.
        summary_text: String,
    }
}

content_struct! {
    /// A title with answers to choose: `ConversationContentQuickReplyV2`.
    QuickReplyV2 {
        /// The title.
        title: String,
        /// The answers.
        actions: Vec<QuickReply>,
    }
}

content_struct! {
    /// A card: `ConversationContentCard`.
    Card {
        /// Its title.
        title: String,
        /// Its text.
        description: String,
        /// URL of its picture.
        image: String,
        /// URL of its video.
        video: String,
        /// What choosing the card itself does.
        default_action: CardAction,
        /// Its buttons.
        actions: Vec<CardAction>,
    }
}

content_struct! {
    /// What choosing a card or one of its buttons does: `ConversationContentCardAction`.
    CardAction {
        /// `Link` or `Postback`.
        r#type: String,
        /// What the button says.
        text: String,
        /// What is sent when it is chosen.
        payload: String,
        /// Where it leads.
        url: String,
    }
}

content_struct! {
    /// Cards beside each other: `ConversationContentCarousel`.
    Carousel {
        /// The cards.
        cards: Vec<Card>,
    }
}

content_struct! {
    /// A choice of times: `ConversationContentDatePicker`.
    DatePicker {
        /// Its id.
        id: String,
        /// Its title.
        title: String,
        /// Its text.
        subtitle: String,
        /// URL of its picture.
        image_url: String,
        /// The first day to choose.
        date_minimum: String,
        /// The last day to choose.
        date_maximum: String,
        /// The times to choose from.
        available_times: Vec<AvailableTime>,
        /// How dates are written.
        date_display_format: String,
    }
}

content_struct! {
    /// A time to choose: `ConversationContentDatePickerAvailableTime`.
    AvailableTime {
        /// In seconds.
        duration: u64,
        /// When it begins.
        date_time: String,
    }
}

/// A message made from a template: `ConversationContentNotificationTemplate`.
///
/// It comes in two forms: text and parameters in `body`, or flat in the template. Both are read into `body`, the form
/// of the published model, and written so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "WireTemplate")]
pub struct NotificationTemplate {
    /// Above the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<TemplateHeader>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<TemplateBody>,
    /// The buttons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buttons: Option<Vec<Value>>,
    /// Under the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<TemplateFooter>,
    /// Fields that are not known here.
    #[serde(flatten)]
    pub extra: Extra,
}

content_struct! {
    /// Either form of a template.
    WireTemplate {
        /// Above the text.
        header: TemplateHeader,
        /// The text, in the form of the model.
        body: TemplateBody,
        /// The text, in the flat form.
        text: String,
        /// The parameters, in the flat form.
        parameters: Vec<TemplateParameter>,
        /// The buttons.
        buttons: Vec<Value>,
        /// Under the text.
        footer: TemplateFooter,
    }
}

content_struct! {
    /// Above a template's text; seen without its type.
    TemplateHeader {
        /// `Text` or `Media`.
        r#type: String,
        /// The text.
        text: String,
        /// The file.
        media: Attachment,
        /// What the placeholders in the text stand for.
        parameters: Vec<TemplateParameter>,
    }
}

content_struct! {
    /// A template's text.
    TemplateBody {
        /// The text, placeholders filled in.
        text: String,
        /// What the placeholders stand for.
        parameters: Vec<TemplateParameter>,
    }
}

content_struct! {
    /// Under a template's text.
    TemplateFooter {
        /// The text.
        text: String,
    }
}

content_struct! {
    /// What one placeholder stands for.
    TemplateParameter {
        /// The placeholder.
        name: String,
        /// Its text.
        text: String,
    }
}

impl From<WireTemplate> for NotificationTemplate {
    fn from(wire: WireTemplate) -> Self {
        let mut extra = wire.extra;
        let body = match (wire.body, wire.text, wire.parameters) {
            (None, None, None) => None,
            (None, text, parameters) => Some(TemplateBody { text, parameters, extra: Extra::new() }),
            (Some(body), text, parameters) => {
                // Both forms at once: the model's counts, and the flat one is kept beside it.
                extra.extend(text.map(|text| ("text".to_owned(), text.into())));
                extra.extend(
                    parameters.map(|list| ("parameters".to_owned(), serde_json::to_value(list).unwrap_or_default())),
                );
                Some(body)
            }
        };
        Self { header: wire.header, body, buttons: wire.buttons, footer: wire.footer, extra }
    }
}

#[cfg(test)]
mod tests;
