//! The parts of a message: every content type that can reach an open-messaging webhook has its type here; the others are
//! carried through untouched.
//!
//! Whatever does not fit its type stays as it came: a field in `extra` under its own name, beside the fields that are not
//! known here, and an element of a list at its place. So one odd field costs nothing but itself, and reading and writing
//! again loses nothing.

mod fit;

pub use fit::List;

use fit::{Fit, fit};
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
    /// Text.
    Text(Text),
    /// Content of other channels, or content that does not fit its type: as it came.
    Other(Value),
}

/// Pairs each content type with the field that holds it.
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
                    && let Some(content) = fit(&mut item, $field)
                {
                    item.remove(CONTENT_TYPE);
                    return Self { content: Content::$variant(content), extra: item };
                })+
                if word.is_empty() {
                    item.remove(CONTENT_TYPE);
                }
                // The field's name tells as well; a word that is not known here stays.
                $(if let Some(content) = fit(&mut item, $field) {
                    return Self { content: Content::$variant(content), extra: item };
                })+
                Self { content: Content::Other(Value::Object(item)), extra: Extra::new() }
            }
        }

        impl ContentItem {
            /// The part in the platform's normalised form.
            #[must_use]
            pub fn to_value(&self) -> Value {
                let (word, field, content) = match &self.content {
                    $(Content::$variant(content) => ($word, $field, serde_json::to_value(content)),)+
                    Content::Other(value) => return value.clone(),
                };
                let mut item = self.extra.clone();
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
    /// What it says, where it is text or a template.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => text.body.as_deref(),
            Content::Notification(template) => template.text(),
            // Text without the object around it.
            Content::Other(item) if item.get(CONTENT_TYPE)?.as_str()?.eq_ignore_ascii_case("Text") => {
                item.get("text")?.as_str()
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for ContentItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

impl Serialize for ContentItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

/// Declares a content type: all fields optional, absent ones not written, and those that are not known or do not fit kept.
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
            /// Fields that are not known here, or do not fit.
            #[serde(flatten)]
            pub extra: Extra,
        }

        impl Fit for $name {
            fn fit(value: Value) -> Result<Self, Value> {
                let Value::Object(mut extra) = value else { return Err(value) };
                Ok(Self { $($field: fit(&mut extra, $word),)+ extra })
            }
        }
    };
}

content_struct! {
    /// A file: `ConversationContentAttachment`.
    Attachment {
        /// The platform's id of the file.
        id = "id": String,
        /// `Image`, `Video`, `Audio`, `File` or `Link`.
        media_type = "mediaType": String,
        /// Where to fetch it.
        url = "url": String,
        /// Its media type by RFC 6838.
        mime = "mime": String,
        /// Text to go with it.
        text = "text": String,
        /// SHA-256 of its bytes.
        sha256 = "sha256": String,
        /// Its name.
        filename = "filename": String,
        /// Its size in bytes.
        content_size_bytes = "contentSizeBytes": u64,
    }
}

content_struct! {
    /// An answer to choose: `ConversationContentQuickReply`.
    QuickReply {
        /// What is shown, and said when it is chosen.
        text = "text": String,
        /// What is sent when it is chosen.
        payload = "payload": String,
        /// URL of a picture.
        image = "image": String,
        /// What choosing it does.
        action = "action": String,
        /// What is shown in its place where lists are cut short.
        summary_text = "summaryText": String,
    }
}

content_struct! {
    /// A title with answers to choose: `ConversationContentQuickReplyV2`.
    QuickReplyV2 {
        /// The title.
        title = "title": String,
        /// The answers.
        actions = "actions": List<QuickReply>,
    }
}

content_struct! {
    /// A card: `ConversationContentCard`.
    Card {
        /// Its title.
        title = "title": String,
        /// Its text.
        description = "description": String,
        /// URL of its picture.
        image = "image": String,
        /// URL of its video.
        video = "video": String,
        /// What choosing the card itself does.
        default_action = "defaultAction": CardAction,
        /// Its buttons.
        actions = "actions": List<CardAction>,
    }
}

content_struct! {
    /// What choosing a card or one of its buttons does: `ConversationContentCardAction`.
    CardAction {
        /// `Link` or `Postback`.
        r#type = "type": String,
        /// What the button says.
        text = "text": String,
        /// What is sent when it is chosen.
        payload = "payload": String,
        /// Where it leads.
        url = "url": String,
    }
}

content_struct! {
    /// Cards beside each other: `ConversationContentCarousel`.
    Carousel {
        /// The cards.
        cards = "cards": List<Card>,
    }
}

content_struct! {
    /// A choice of times: `ConversationContentDatePicker`.
    DatePicker {
        /// Its id.
        id = "id": String,
        /// Its title.
        title = "title": String,
        /// Its text.
        subtitle = "subtitle": String,
        /// URL of its picture.
        image_url = "imageUrl": String,
        /// The first day to choose.
        date_minimum = "dateMinimum": String,
        /// The last day to choose.
        date_maximum = "dateMaximum": String,
        /// The times to choose from.
        available_times = "availableTimes": List<AvailableTime>,
        /// How dates are written.
        date_display_format = "dateDisplayFormat": String,
    }
}

content_struct! {
    /// A time to choose: `ConversationContentDatePickerAvailableTime`.
    AvailableTime {
        /// In seconds.
        duration = "duration": u64,
        /// When it begins.
        date_time = "dateTime": String,
    }
}

content_struct! {
    /// Text: `ConversationContentText`.
    Text {
        /// `Text`.
        r#type = "type": String,
        /// What it says.
        body = "body": String,
    }
}

content_struct! {
    /// A message made from a template: `ConversationContentNotificationTemplate`.
    ///
    /// It comes in two forms: text and parameters in `body`, or flat in the template. Both are read into `body`, the form
    /// of the published model, and written so.
    NotificationTemplate {
        /// Above the text.
        header = "header": TemplateHeader,
        /// The text.
        body = "body": TemplateBody,
        /// The buttons.
        buttons = "buttons": List<TemplateButton>,
        /// Under the text.
        footer = "footer": TemplateFooter,
    }
}

impl Fit for Box<NotificationTemplate> {
    fn fit(value: Value) -> Result<Self, Value> {
        NotificationTemplate::fit(in_the_models_form(value)).map(Self::new)
    }
}

/// The template with what the flat form has in the template itself moved into `body`, where its place there is free.
fn in_the_models_form(mut template: Value) -> Value {
    let Some(fields) = template.as_object_mut() else { return template };
    let flat: Vec<_> = ["text", "parameters"].iter().filter_map(|name| fields.remove_entry(*name)).collect();
    if !flat.is_empty() && fields.get("body").is_none_or(is_empty) {
        fields.insert("body".to_owned(), Value::Object(Extra::new()));
    }
    for (name, value) in flat {
        match fields.get_mut("body") {
            Some(Value::Object(body)) if body.get(&name).is_none_or(is_empty) => body.insert(name, value),
            _ => fields.insert(name, value),
        };
    }
    template
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(elements) => elements.iter().all(Value::is_null),
        _ => false,
    }
}

impl NotificationTemplate {
    /// The text, placeholders mostly filled in. Where both forms say something, that of the model counts.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let body = self.body.as_ref().and_then(|body| body.text.as_deref());
        body.or_else(|| self.extra.get("text")?.as_str())
    }
}

content_struct! {
    /// Above a template's text; seen without its type.
    TemplateHeader {
        /// `Text` or `Media`.
        r#type = "type": String,
        /// The text.
        text = "text": String,
        /// The file.
        media = "media": Attachment,
        /// What the placeholders in the text stand for.
        parameters = "parameters": List<TemplateParameter>,
    }
}

content_struct! {
    /// A template's text.
    TemplateBody {
        /// The text, placeholders filled in.
        text = "text": String,
        /// What the placeholders stand for.
        parameters = "parameters": List<TemplateParameter>,
    }
}

content_struct! {
    /// Under a template's text.
    TemplateFooter {
        /// The text.
        text = "text": String,
    }
}

content_struct! {
    /// A button under a template.
    TemplateButton {
        /// What it says.
        text = "text": String,
        /// Where it leads.
        url = "url": String,
        /// Whom it calls.
        phone_number = "phoneNumber": String,
        /// What the placeholders in the URL stand for.
        parameters = "parameters": List<TemplateParameter>,
    }
}

content_struct! {
    /// What one placeholder stands for.
    TemplateParameter {
        /// The placeholder.
        name = "name": String,
        /// Its text.
        text = "text": String,
    }
}

#[cfg(test)]
mod tests;
