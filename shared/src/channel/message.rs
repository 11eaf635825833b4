//! A message on its way to a customer, independent of platform and channel.

use crate::digest::Digest;
use crate::model::message::Block;
use crate::model::receipt::Recipient;
use serde_json::Value;

/// What a channel renders.
pub struct ChannelMessage<'m> {
    /// The same on every attempt.
    pub digest: &'m Digest,
    /// The platform's id of the message.
    pub message_id: &'m str,
    /// The customer, as the platform knows them and receipts name them.
    pub to: &'m Recipient,
    /// The address in the channel, which differs from the id where the platform has ids of its own.
    pub address: &'m str,
    /// What the message shows; at least one block.
    pub blocks: &'m [Block],
    /// The template that the platform made the message from, if it names one.
    pub template: Option<Template>,
    /// The replay that the message is sent by.
    pub replay: Option<&'m str>,
    /// Whether the platform wants to know the delivery status.
    pub expects_receipt: bool,
}

/// A template of the platform with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub id: String,
    /// In the template's order.
    pub parameters: Vec<String>,
}

impl Template {
    /// The template in a message's `content[]`, if it names one.
    #[must_use]
    pub fn find(content: &[Value]) -> Option<Self> {
        let template = content.iter().find_map(|part| part.get("template"))?;
        let id = template.get("id").and_then(Value::as_str).filter(|id| !id.is_empty())?;
        let parameters = template.pointer("/body/parameters").and_then(Value::as_array);
        let text = |parameter: &Value| match parameter.get("text") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        Some(Self { id: id.to_owned(), parameters: parameters.into_iter().flatten().map(text).collect() })
    }
}

/// A message that a channel has no form for; the sentence is what the agent sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported(pub &'static str);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_is_found_by_its_id_with_its_parameters_in_order() {
        let parameters = json!([{"name": "day", "text": "Friday"}, {"text": 7}, {"name": "none"}]);
        let part = json!({"contentType": "Notification", "template": {"id": "shipped", "body": {"text": "t", "parameters": parameters}}});
        let expected =
            Template { id: "shipped".to_owned(), parameters: ["Friday", "7", ""].map(str::to_owned).to_vec() };
        assert_eq!(Some(expected), Template::find(&[json!({"contentType": "Text"}), part]));
        assert_eq!(None, Template::find(&[json!({"template": {"body": {"text": "t"}}})]));
    }
}
