//! Messages without an agent, such as notifications.

mod details;
mod scheduled;

pub use details::{AgentlessDetails, AgentlessEmail, ReplyMode};
pub use scheduled::ScheduledMessage;

use crate::json::fields::{Fields, boolean, id, is_blank, one_of, text, text_up_to};
use crate::model::conversation::CustomerAddress;
use serde::Serialize;
use serde_json::{Map, Value};

/// The longest text of an SMS, in characters.
const MAXIMUM_SMS_TEXT: usize = 765;

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

/// What a messenger requires and accepts, by the texts of `SendAgentlessOutboundMessageRequest` in the vendor's client
/// library.
impl MessengerType {
    /// The longest text, in characters.
    fn maximum_text(self) -> usize {
        if self == Self::Sms { MAXIMUM_SMS_TEXT } else { AgentlessMessage::MAXIMUM_TEXT }
    }

    /// Records what is wrong with the recipient.
    fn check_recipient(self, fields: &mut Fields<'_>, has_address: bool, has_external_contact: bool) {
        let (address, external_contact) = (("toAddress", has_address), ("externalContactId", has_external_contact));
        let (required, unsupported) = match self {
            Self::Open | Self::Sms if has_address || has_external_contact => return,
            Self::Open | Self::Sms => {
                return fields.error("toAddress", "is required, unless there is an externalContactId");
            }
            Self::WhatsApp | Self::Apple => (address, external_contact),
            Self::WebMessaging => (external_contact, address),
        };
        if !required.1 {
            fields.error(required.0, "is required for this toAddressMessengerType");
        }
        if unsupported.1 {
            fields.error(unsupported.0, "is not supported for this toAddressMessengerType");
        }
    }

    /// Records what is wrong with the content.
    fn check_content(self, fields: &mut Fields<'_>, has_text: bool, has_template: bool) {
        match (self, has_text, has_template) {
            (Self::Open, _, true) => {
                fields.error("messagingTemplate", "is not for open messages, which are text only");
            }
            (Self::Open | Self::Sms, false, _) => fields.error("textBody", "is required"),
            (Self::WhatsApp, _, false) => {
                fields.error("messagingTemplate", "is required for this toAddressMessengerType");
            }
            (Self::WebMessaging | Self::Apple, false, false) => {
                fields.error("textBody", "is required, unless there is a messagingTemplate");
            }
            _ => {}
        }
    }
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

    /// The longest text of a message, in characters.
    pub const MAXIMUM_TEXT: usize = 2_000;

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

    /// Reads a caller's request.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let messenger = fields.optional("toAddressMessengerType", one_of(MESSENGER_TYPES)).unwrap_or_default();
        let (has_address, has_external_contact) = (fields.has("toAddress"), fields.has("externalContactId"));
        let (has_text, has_template) = (fields.has("textBody"), fields.has("messagingTemplate"));
        let to_address = fields.optional("toAddress", id);
        let external_contact_id = fields.optional("externalContactId", id);
        let details = AgentlessDetails::read(fields)?;
        let text_body = match details.channel {
            Some(_) => fields.optional("textBody", text),
            None => fields.optional("textBody", text_up_to(messenger.maximum_text())),
        };
        let messaging_template = fields.optional("messagingTemplate", messaging_template);
        let use_existing_active_conversation = fields.optional("useExistingActiveConversation", boolean);
        // A channel is none of the messengers, and has no rules of theirs.
        let messenger_rules = if details.channel.is_some() { MessengerType::Open } else { messenger };
        messenger_rules.check_recipient(fields, has_address, has_external_contact);
        messenger_rules.check_content(fields, has_text || details.has_content(), has_template);
        Some(Self {
            to_address,
            external_contact_id,
            to_address_messenger_type: messenger,
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
    fn an_open_message_needs_an_address_and_a_text() {
        let message = json!({"toAddress": "c", "textBody": "hi", "useExistingActiveConversation": true});
        let mut sent = message.clone();
        sent["toAddressMessengerType"] = "open".into();
        assert_eq!(Ok(sent), read(message));
        assert_eq!(
            vec!["/toAddress is required, unless there is an externalContactId", "/textBody is required"],
            read(json!({})).unwrap_err()
        );
    }

    #[test]
    fn the_sender_cannot_be_set() {
        let errors = read(json!({"toAddress": "c", "textBody": "hi", "fromAddress": "x"})).unwrap_err();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        assert!(error.starts_with("/fromAddress is not a known field; known are toAddress"), "{error}");
    }

    #[test]
    fn texts_are_limited_in_characters() {
        let of = |messenger: &str, length| {
            read(json!({"toAddress": "c", "toAddressMessengerType": messenger, "textBody": "ä".repeat(length)}))
        };
        assert!(of("open", 2_000).is_ok() && of("sms", 765).is_ok());
        assert_eq!(vec!["/textBody must have at most 2000 characters"], of("open", 2_001).unwrap_err());
        assert_eq!(vec!["/textBody must have at most 765 characters"], of("sms", 766).unwrap_err());
    }

    #[test]
    fn each_messenger_takes_its_own_recipients_and_contents() {
        const ADDRESS: &[&str] = &["toAddress"];
        const CONTACT: &[&str] = &["externalContactId"];
        const BOTH: &[&str] = &["toAddress", "externalContactId"];
        const TEXT: &[&str] = &["textBody"];
        const TEMPLATE: &[&str] = &["messagingTemplate"];
        const TEXT_AND_TEMPLATE: &[&str] = &["textBody", "messagingTemplate"];
        for (messenger, recipient, content, wrong) in [
            ("open", ADDRESS, TEXT, ""),
            ("open", CONTACT, TEXT, ""),
            ("open", BOTH, TEXT, ""),
            ("open", ADDRESS, TEXT_AND_TEMPLATE, "/messagingTemplate"),
            ("open", ADDRESS, TEMPLATE, "/messagingTemplate"),
            ("open", &[], TEXT, "/toAddress"),
            ("sms", ADDRESS, TEXT, ""),
            ("sms", CONTACT, TEXT, ""),
            ("sms", ADDRESS, TEXT_AND_TEMPLATE, ""),
            ("sms", ADDRESS, TEMPLATE, "/textBody"),
            ("whatsapp", ADDRESS, TEMPLATE, ""),
            ("whatsapp", ADDRESS, TEXT_AND_TEMPLATE, ""),
            ("whatsapp", ADDRESS, TEXT, "/messagingTemplate"),
            ("whatsapp", CONTACT, TEMPLATE, "/toAddress /externalContactId"),
            ("whatsapp", BOTH, TEMPLATE, "/externalContactId"),
            ("webmessaging", CONTACT, TEXT, ""),
            ("webmessaging", CONTACT, TEMPLATE, ""),
            ("webmessaging", ADDRESS, TEXT, "/externalContactId /toAddress"),
            ("webmessaging", BOTH, TEXT, "/toAddress"),
            ("apple", ADDRESS, TEXT, ""),
            ("apple", CONTACT, TEXT, "/toAddress /externalContactId"),
            ("apple", ADDRESS, &[], "/textBody"),
        ] {
            let mut body = json!({"toAddressMessengerType": messenger});
            for member in recipient.iter().chain(content) {
                body[member] = if *member == "messagingTemplate" { json!({"responseId": "r"}) } else { "x".into() };
            }
            let errors = read(body.clone()).map_or_else(|errors| errors, |_| Vec::new());
            let pointers: Vec<_> = errors.iter().filter_map(|error| error.split(' ').next()).collect();
            assert_eq!(wrong, pointers.join(" "), "{body}");
        }
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
        for (messenger, template) in [("SMS", template.clone()), ("Open", Value::Null)] {
            let whole = json!({
                "toAddress": "c", "externalContactId": "x", "toAddressMessengerType": messenger, "textBody": "hi",
                "messagingTemplate": template, "useExistingActiveConversation": true,
            });
            blank_is_absent(&whole, &["/messagingTemplate/parameters/0", "/messagingTemplate/parameters/1"], |body| {
                fields::read(body, AgentlessMessage::read).map(|message| serde_json::to_value(message).unwrap())
            });
        }
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
