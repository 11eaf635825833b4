//! Message templates.

use super::try_deserialize::{List, TryDeserialize, take};
use super::{Attachment, Extra, content_struct};
use serde::Serialize;
use serde_json::Value;

content_struct! {
    /// `ConversationContentNotificationTemplate`.
    ///
    /// There are two formats: text and parameters are in `body`, or in the template itself. Both are read into `body`, which
    /// is the documented format.
    NotificationTemplate {
        header = "header": TemplateHeader,
        body = "body": TemplateBody,
        buttons = "buttons": List<TemplateButton>,
        footer = "footer": TemplateFooter,
    }
}

impl TryDeserialize for Box<NotificationTemplate> {
    fn try_deserialize(value: Value) -> Result<Self, Value> {
        NotificationTemplate::try_deserialize(with_body(value)).map(Self::new)
    }
}

/// Moves text and parameters of the flat format into `body`, unless it has its own.
fn with_body(mut template: Value) -> Value {
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
    /// The text, usually with placeholders replaced. If both formats contain one, that of `body` is used.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let body = self.body.as_ref().and_then(|body| body.text.as_deref());
        body.or_else(|| self.extra.get("text")?.as_str())
    }
}

content_struct! {
    TemplateHeader {
        /// `Text` or `Media`; sometimes missing.
        r#type = "type": String,
        text = "text": String,
        media = "media": Attachment,
        /// The values of the placeholders in the text.
        parameters = "parameters": List<TemplateParameter>,
    }
}

content_struct! {
    TemplateBody {
        /// Usually with placeholders replaced.
        text = "text": String,
        parameters = "parameters": List<TemplateParameter>,
    }
}

content_struct! {
    TemplateFooter {
        text = "text": String,
    }
}

content_struct! {
    TemplateButton {
        text = "text": String,
        url = "url": String,
        phone_number = "phoneNumber": String,
        /// The values of the placeholders in the URL.
        parameters = "parameters": List<TemplateParameter>,
    }
}

content_struct! {
    /// The value of a placeholder.
    TemplateParameter {
        name = "name": String,
        text = "text": String,
    }
}
