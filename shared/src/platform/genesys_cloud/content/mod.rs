//! The parts of a message. Every content type that an open messaging webhook can contain has a type here; other content is
//! kept unchanged.
//!
//! A value of an unexpected type is kept as well: a field in `extra`, together with the unknown fields, and an element of a
//! list at its index. So one unexpected value does not affect others, and a round trip loses nothing.

mod template;
mod try_deserialize;

use serde::Serialize;
use serde_json::{Map, Value};
pub use template::{
    NotificationTemplate, TemplateBody, TemplateButton, TemplateFooter, TemplateHeader, TemplateParameter,
};
pub use try_deserialize::List;
use try_deserialize::{TryDeserialize, take};

/// Unknown fields, and fields of an unexpected type.
type Extra = Map<String, Value>;

const CONTENT_TYPE: &str = "contentType";

/// One part of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentItem {
    pub content: Content,
    /// Fields other than the content.
    pub extra: Extra,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Attachment(Attachment),
    /// A message from a template.
    Notification(Box<NotificationTemplate>),
    QuickReply(QuickReply),
    /// A title with several quick replies.
    QuickReplyV2(QuickReplyV2),
    Card(Card),
    Carousel(Carousel),
    DatePicker(DatePicker),
    Text(Text),
    /// Unknown content, or content of an unexpected type, unchanged.
    Other(Value),
}

/// Maps each content type to the field that contains it.
macro_rules! content_types {
    ($($variant:ident = $word:literal in $field:literal,)+) => {
        impl From<Value> for ContentItem {
            fn from(value: Value) -> Self {
                let mut item = match value {
                    Value::Object(item) => item,
                    other => return Self { content: Content::Other(other), extra: Extra::new() },
                };
                let word = item.get(CONTENT_TYPE).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
                $(if word.eq_ignore_ascii_case($word)
                    && let Some(content) = take(&mut item, $field)
                {
                    item.remove(CONTENT_TYPE);
                    return Self { content: Content::$variant(content), extra: item };
                })+
                if word.is_empty() {
                    item.remove(CONTENT_TYPE);
                }
                // Otherwise the name of the field determines the type. An unknown `contentType` is kept.
                $(if let Some(content) = take(&mut item, $field) {
                    return Self { content: Content::$variant(content), extra: item };
                })+
                Self { content: Content::Other(Value::Object(item)), extra: Extra::new() }
            }
        }

        impl ContentItem {
            /// The part in the platform's normalized format.
            #[must_use]
            pub fn into_value(self) -> Value {
                let (word, field, content) = match self.content {
                    $(Content::$variant(content) => ($word, $field, serde_json::to_value(content)),)+
                    Content::Other(value) => return value,
                };
                let mut item = self.extra;
                item.entry(CONTENT_TYPE).or_insert_with(|| word.into());
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
    Text = "Text" in "text",
}

impl ContentItem {
    /// The text of a text or template.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => text.body.as_deref(),
            Content::Notification(template) => template.text(),
            // A text that is not wrapped in an object.
            Content::Other(item) if item.get(CONTENT_TYPE)?.as_str()?.eq_ignore_ascii_case("Text") => {
                item.get("text")?.as_str()
            }
            _ => None,
        }
    }
}

/// Declares a content type: all fields are optional, and unknown fields and those of an unexpected type are kept.
macro_rules! content_struct {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident = $word:literal: $type:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(rename = $word, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )+
            #[serde(flatten)]
            pub extra: Extra,
        }

        impl TryDeserialize for $name {
            fn try_deserialize(value: Value) -> Result<Self, Value> {
                let Value::Object(mut extra) = value else { return Err(value) };
                Ok(Self { $($field: take(&mut extra, $word),)+ extra })
            }
        }
    };
}

use content_struct;

content_struct! {
    /// `ConversationContentAttachment`.
    Attachment {
        /// The platform's id of the file.
        id = "id": String,
        /// `Image`, `Video`, `Audio`, `File` or `Link`.
        media_type = "mediaType": String,
        url = "url": String,
        /// The media type by RFC 6838.
        mime = "mime": String,
        text = "text": String,
        sha256 = "sha256": String,
        filename = "filename": String,
        content_size_bytes = "contentSizeBytes": u64,
    }
}

content_struct! {
    /// `ConversationContentQuickReply`.
    QuickReply {
        /// The label, and the customer's message when it is selected.
        text = "text": String,
        /// Sent when it is selected.
        payload = "payload": String,
        image = "image": String,
        action = "action": String,
        /// The short form for truncated lists.
        summary_text = "summaryText": String,
    }
}

content_struct! {
    /// `ConversationContentQuickReplyV2`.
    QuickReplyV2 {
        title = "title": String,
        actions = "actions": List<QuickReply>,
    }
}

content_struct! {
    /// `ConversationContentCard`.
    Card {
        title = "title": String,
        description = "description": String,
        image = "image": String,
        video = "video": String,
        /// What happens when the customer selects the card itself.
        default_action = "defaultAction": CardAction,
        actions = "actions": List<CardAction>,
    }
}

content_struct! {
    /// `ConversationContentCardAction`.
    CardAction {
        /// `Link` or `Postback`.
        r#type = "type": String,
        text = "text": String,
        /// Sent when it is selected.
        payload = "payload": String,
        url = "url": String,
    }
}

content_struct! {
    /// `ConversationContentCarousel`.
    Carousel {
        cards = "cards": List<Card>,
    }
}

content_struct! {
    /// `ConversationContentDatePicker`.
    DatePicker {
        id = "id": String,
        title = "title": String,
        subtitle = "subtitle": String,
        image_url = "imageUrl": String,
        date_minimum = "dateMinimum": String,
        date_maximum = "dateMaximum": String,
        available_times = "availableTimes": List<AvailableTime>,
        date_display_format = "dateDisplayFormat": String,
    }
}

content_struct! {
    /// `ConversationContentDatePickerAvailableTime`.
    AvailableTime {
        /// In seconds.
        duration = "duration": u64,
        /// The start.
        date_time = "dateTime": String,
    }
}

content_struct! {
    /// `ConversationContentText`.
    Text {
        /// `Text`.
        r#type = "type": String,
        body = "body": String,
    }
}

#[cfg(test)]
mod tests;
