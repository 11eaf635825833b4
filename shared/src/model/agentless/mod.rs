//! Messages without an agent, such as notifications.

mod details;
mod scheduled;

pub use details::{AgentlessDetails, AgentlessEmail, ReplyMode};
pub use scheduled::ScheduledMessage;

use crate::json::fields::{Fields, boolean, id, is_blank, one_of, text};
use crate::model::conversation::CustomerAddress;
use serde::Serialize;
use serde_json::{Map, Value};

/// A message without an agent, sent from the integration's own address. Without its details it serializes to the fields of
/// the caller's request.
///
/// Source: <https://developer.genesys.cloud/commdigital/digital/agentless>.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentlessMessage {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_contact_id: Option<String>,
    pub to_address_messenger_type: MessengerType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messaging_template: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_existing_active_conversation: Option<bool>,
    #[serde(skip)]
    pub details: AgentlessDetails,
}

/// The channel to the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum MessengerType {
    /// The platform's default for the integration.
    #[default]
    Open,
    Sms,
    WhatsApp,
    WebMessaging,
    Apple,
}

const MESSENGER_TYPES: &[(&str, MessengerType)] = &[
    ("open", MessengerType::Open),
    ("sms", MessengerType::Sms),
    ("whatsapp", MessengerType::WhatsApp),
    ("webmessaging", MessengerType::WebMessaging),
    ("apple", MessengerType::Apple),
];

impl AgentlessMessage {
    /// The customer of the open-messaging integration, if the message names one by the address.
    #[must_use]
    pub fn open_customer(&self) -> Option<CustomerAddress> {
        let is_open = self.to_address_messenger_type == MessengerType::Open;
        let id = self.to_address.clone().filter(|_| is_open)?;
        Some(CustomerAddress { id, id_type: None })
    }

    /// A text to a customer of an open-messaging integration: in the active conversation, or a new one if there is none.
    #[must_use]
    pub fn to_customer(address: &str, text: String) -> Self {
        Self {
            to_address: Some(address.to_owned()),
            external_contact_id: None,
            to_address_messenger_type: MessengerType::Open,
            text_body: Some(text),
            messaging_template: None,
            use_existing_active_conversation: Some(true),
            details: AgentlessDetails::default(),
        }
    }

    /// Reads a caller's request. What a platform's channel requires and accepts is checked by its client.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let has_recipient = fields.has("toAddress") | fields.has("externalContactId");
        let has_content = fields.has("textBody") | fields.has("messagingTemplate");
        let to_address = fields.optional("toAddress", id);
        let external_contact_id = fields.optional("externalContactId", id);
        let to_address_messenger_type = fields.optional("toAddressMessengerType", one_of(MESSENGER_TYPES));
        let details = AgentlessDetails::read(fields)?;
        let text_body = fields.optional("textBody", text);
        let messaging_template = fields.optional("messagingTemplate", messaging_template);
        let use_existing_active_conversation = fields.optional("useExistingActiveConversation", boolean);
        if !has_recipient {
            fields.error("toAddress", "is required, unless there is an externalContactId");
        }
        if !has_content && !details.has_content() {
            fields.error("textBody", "is required, unless there is other content");
        }
        Some(Self {
            to_address,
            external_contact_id,
            to_address_messenger_type: to_address_messenger_type.unwrap_or_default(),
            text_body,
            messaging_template,
            use_existing_active_conversation,
            details,
        })
    }
}

/// Reads a template and its parameters, for agentless and agent messages: `SendMessagingTemplateRequest`.
///
/// # Errors
/// What is wrong, without the value.
pub fn messaging_template(value: Value) -> Result<Map<String, Value>, String> {
    const FIELDS: [&str; 6] =
        ["responseId", "parameters", "headerParameters", "bodyParameters", "buttonUrlParameters", "carouselParameters"];
    let Value::Object(mut template) = value else { return Err("must be an object".to_owned()) };
    // Values inside parameters may be blank on purpose and are passed on unchanged.
    template.retain(|_, value| !is_blank(value));
    if template.keys().any(|name| !FIELDS.contains(&name.as_str())) {
        return Err(format!("may have the fields {} only", FIELDS.join(", ")));
    }
    if let Some(response_id @ Value::String(_)) = template.get("responseId") {
        id(response_id.clone()).map_err(|detail| format!("has a responseId that {detail}"))?;
    }
    Ok(template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use crate::json::fields::tests::blank_is_absent;
    use serde_json::json;

    fn read(body: Value) -> Result<Value, Vec<String>> {
        fields::read(body, AgentlessMessage::read)
            .map(|message| serde_json::to_value(message).unwrap())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_message_needs_a_recipient_and_a_content() {
        let message = json!({"toAddress": "c", "textBody": "hi", "useExistingActiveConversation": true});
        let mut sent = message.clone();
        sent["toAddressMessengerType"] = "open".into();
        assert_eq!(Ok(sent), read(message));
        assert_eq!(
            vec![
                "/toAddress is required, unless there is an externalContactId",
                "/textBody is required, unless there is other content"
            ],
            read(json!({})).unwrap_err()
        );
        assert!(read(json!({"externalContactId": "x", "messagingTemplate": {"responseId": "r"}})).is_ok());
    }

    #[test]
    fn only_an_open_message_with_an_address_names_a_customer_of_the_integration() {
        let customer = |body: Value| {
            let message = fields::read(body, AgentlessMessage::read).unwrap_or_else(|_| panic!("a message"));
            message.open_customer().map(|customer| (customer.id, customer.id_type))
        };
        let template = json!({"responseId": "r"});
        assert_eq!(Some(("c".to_owned(), None)), customer(json!({"toAddress": "c", "textBody": "hi"})));
        for other in [
            json!({"externalContactId": "x", "textBody": "hi"}),
            json!({"toAddress": "+1", "toAddressMessengerType": "sms", "textBody": "hi"}),
            json!({"toAddress": "+1", "toAddressMessengerType": "whatsapp", "messagingTemplate": template}),
        ] {
            assert_eq!(None, customer(other.clone()), "{other}");
        }
    }

    #[test]
    fn the_sender_cannot_be_set() {
        let errors = read(json!({"toAddress": "c", "textBody": "hi", "fromAddress": "x"})).unwrap_err();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        assert!(error.starts_with("/fromAddress is not a known field; known are toAddress"), "{error}");
    }

    #[test]
    fn a_template_is_passed_on_unchanged() {
        let of = |messenger: &str, template: Value| {
            read(json!({"toAddress": "x", "toAddressMessengerType": messenger, "messagingTemplate": template}))
        };
        let template = json!({"responseId": "r", "bodyParameters": [{"id": "1", "value": "v"}]});
        assert_eq!(
            Ok(template.clone()),
            of("whatsapp", template.clone()).map(|sent| sent["messagingTemplate"].clone())
        );
        assert_eq!(1, of("whatsapp", json!({"surprise": 1})).unwrap_err().len());
        assert_eq!(
            1,
            of("pigeon", json!({}))
                .unwrap_err()
                .iter()
                .filter(|error| error.contains("pigeon") || error.contains("/toAddressMessengerType"))
                .count()
        );
    }

    #[test]
    fn a_blank_member_counts_as_absent_and_template_parameters_are_passed_on_unchanged() {
        let parameters = json!([{"id": "1", "value": ""}, {"id": "2", "value": null}]);
        let template = json!({"responseId": "r", "parameters": parameters});
        let whole = json!({
            "toAddress": "c", "externalContactId": "x", "toAddressMessengerType": "SMS", "textBody": "hi",
            "messagingTemplate": template, "useExistingActiveConversation": true,
        });
        blank_is_absent(&whole, &["/messagingTemplate/parameters/0", "/messagingTemplate/parameters/1"], |body| {
            fields::read(body, AgentlessMessage::read).map(|message| serde_json::to_value(message).unwrap())
        });
        let blank =
            json!({"responseId": "r", "parameters": parameters, "bodyParameters": null, "of a later version": ""});
        assert_eq!(Ok(template.as_object().cloned().unwrap()), messaging_template(blank));
    }

    #[test]
    fn a_messenger_is_read_in_any_case_and_an_error_names_all_of_them() {
        let of = |messenger: &str| {
            read(json!({"toAddress": "c", "textBody": "hi", "toAddressMessengerType": messenger}))
                .map(|message| message["toAddressMessengerType"].clone())
        };
        for (word, expected) in [("SMS", "sms"), ("Open", "open"), ("Apple", "apple")] {
            assert_eq!(Ok(json!(expected)), of(word));
        }
        let error = "/toAddressMessengerType must be `open`, `sms`, `whatsapp`, `webmessaging` or `apple`";
        assert_eq!(Err(vec![error.to_owned()]), of("pigeon"));
    }
}
