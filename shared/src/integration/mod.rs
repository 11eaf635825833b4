//! An integration connects one platform account to one messaging service, or to one channel in its place.
//!
//! Its configuration, with its secrets, is one JSON document in Secrets Manager named `<prefix>/<integration>`. It is read
//! strictly: missing, unknown and invalid fields are errors. All errors are reported together, and none quotes a value.

mod caller;
mod cards;
mod delivery;
mod media;
mod store;

pub use caller::{Caller, Credential};
pub use cards::CardRoute;
pub use delivery::{ChannelDestination, DeliveryConfig, Destination, GIVE_UP_SECONDS, ReceiptMode, TIMEOUT_SECONDS};
pub use media::MediaConfig;
pub use store::{DEFAULT_TIME_TO_LIVE, IntegrationStore, LoadError, SETTLING_TIME};

use crate::channel::ChannelName;
use crate::json::fields::{self, FieldError};
use crate::model::card::TraceKey;
use crate::model::integration_name::IntegrationName;
use crate::platform::{PlatformConfig, PlatformName, Route};
use serde_json::Value;

/// The configuration of one integration.
#[derive(Debug)]
pub struct Integration {
    pub name: IntegrationName,
    /// The version of the secret, if it was read from Secrets Manager.
    pub version: Option<String>,
    pub platform: PlatformConfig,
    pub destination: Destination,
    pub cards: CardRoute,
    pub media: MediaConfig,
    pub callers: Vec<Caller>,
}

impl Integration {
    /// Whether the integration has the route: the platform supports it, or it does not involve the platform.
    #[must_use]
    pub fn supports(&self, route: Route) -> bool {
        let via_messaging_service = matches!(self.cards, CardRoute::MessagingService { .. });
        (route == Route::Cards && via_messaging_service) || self.platform.name().routes().contains(&route)
    }

    /// Whether the channel's customers are contacts that Patchbay creates: the platform knows contacts, and the channel tells
    /// neither phone number nor email address.
    #[must_use]
    pub fn creates_contacts(&self) -> bool {
        let channel = self.destination.channel();
        channel.is_some_and(|channel| creates_contacts(self.platform.name(), channel.name()))
    }

    pub fn routes(&self) -> impl Iterator<Item = Route> {
        Route::ALL.into_iter().filter(|route| self.supports(*route))
    }

    /// The keys for text traces of cards. The first one creates codes and all of them verify codes, so that the secrets that
    /// they are derived from can be rotated.
    #[must_use]
    pub fn trace_keys(&self) -> Vec<TraceKey> {
        match &self.destination {
            Destination::MessagingService(delivery) => {
                delivery.signing_secrets.iter().filter_map(|secret| TraceKey::new(secret, &self.name)).collect()
            }
            Destination::Channel(channel) => channel.config.sealer().derive("text trace").map(TraceKey::from).collect(),
        }
    }

    /// # Errors
    /// All errors in the document.
    pub fn parse(name: IntegrationName, document: &str) -> Result<Self, Vec<FieldError>> {
        let value: Value = serde_json::from_str(document).map_err(|error| {
            let detail = format!("is not valid JSON (line {}, column {})", error.line(), error.column());
            vec![FieldError::new("", detail)]
        })?;
        fields::read_configuration(value, |fields| {
            let platform_name = fields.required("platform", PlatformName::from_field);
            let platform = platform_name.and_then(|platform| PlatformConfig::read(platform, &name, fields));
            let has_channel = fields.has("channel");
            let cards_default = platform_name.map(|platform| CardRoute::default_for(platform, has_channel));
            let read_cards = |cards: &mut fields::Fields<'_>| CardRoute::read(platform_name?, cards_default?, cards);
            let cards = fields.optional_object("cards", read_cards);
            let media = fields.optional_object("media", MediaConfig::read).unwrap_or_default();
            let destination = Destination::read(&name, fields);
            let callers = fields.objects("callers", Caller::read);
            if let (Some(platform), Some(channel)) = (&platform, destination.as_ref().and_then(Destination::channel))
                && creates_contacts(platform.name(), channel.name())
                && let Some(field) = platform.missing_for_contacts_without_phone()
            {
                fields.error(
                    field,
                    &format!("is required with `{}`, whose customers have no phone number", channel.name().as_str()),
                );
            }
            Some(Self {
                name,
                version: None,
                platform: platform?,
                cards: cards.or(cards_default)?,
                media,
                destination: destination?,
                callers: callers?,
            })
        })
    }
}

/// See [`Integration::creates_contacts`].
#[must_use]
pub fn creates_contacts(platform: PlatformName, channel: ChannelName) -> bool {
    platform.has_contacts() && !channel.reaches_phones()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ChannelConfig;
    use serde_json::json;

    fn example() -> Value {
        json!({
            "platform": "genesys-cloud",
            "domain": "eu-central-1",
            "integrationId": "73cb7fb7-c2db-4996-88f3-0a83a4fea1da",
            "clientId": "client",
            "clientSecret": "hidden-client-secret",
            "webhookSecrets": ["hidden-current-secret", "hidden-previous-secret"],
            "cards": {"route": "messaging-service"},
            "delivery": {
                "url": "https://messages.example.com/hook",
                "signingSecrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
                "giveUpAfterSeconds": 3600,
                "timeoutSeconds": 3,
                "receipts": "on-accept"
            },
            "callers": [
                {"name": "crm", "signingSecret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
                {"name": "flows", "bearerToken": "hidden-bearer-token-0123456789abc"}
            ]
        })
    }

    fn parse(document: &Value) -> Result<Integration, Vec<String>> {
        Integration::parse("acme".parse().unwrap(), &document.to_string())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_complete_document_is_read() {
        let integration = parse(&example()).unwrap();
        let PlatformConfig::GenesysCloud(genesys) = &integration.platform else { panic!("another platform") };
        assert_eq!("https://api.mypurecloud.de/", genesys.region.api_url().as_str());
        assert_eq!(2, genesys.webhook_secrets.len());
        let destination = &integration.destination;
        assert_eq!(
            (3600, 3, ReceiptMode::OnAccept),
            (destination.give_up_after().as_secs(), destination.timeout().as_secs(), destination.receipts())
        );
        assert_eq!(2, integration.callers.len());
        assert_eq!(CardRoute::MessagingService { text_trace: true }, integration.cards);
    }

    #[test]
    fn the_text_trace_of_cards_can_be_turned_off() {
        let mut document = example();
        document["cards"]["textTrace"] = false.into();
        assert_eq!(CardRoute::MessagingService { text_trace: false }, parse(&document).unwrap().cards);
        document["cards"]["route"] = "open-messaging".into();
        assert_eq!(
            vec!["/cards/textTrace is only valid with the route `messaging-service`"],
            parse(&document).unwrap_err()
        );
    }

    #[test]
    fn a_platform_without_cards_and_agentless_messages_needs_neither() {
        let with = |cards: Value| {
            let mut document = json!({
                "platform": "multicloud-cx",
                "apiBaseUrl": "https://api.example.com",
                "contactCenterId": "c",
                "channelId": "1",
                "appSecrets": ["hidden-app-secret"],
                "delivery": example()["delivery"],
            });
            if !cards.is_null() {
                document["cards"] = cards;
            }
            parse(&document)
        };
        for cards in [Value::Null, json!({}), json!({"route": "messaging-service"})] {
            assert_eq!(CardRoute::MessagingService { text_trace: false }, with(cards).unwrap().cards);
        }
        assert_eq!(
            vec!["/cards/textTrace must be false: the platform shows agents no text that customers do not get"],
            with(json!({"route": "messaging-service", "textTrace": true})).unwrap_err()
        );
        assert_eq!(
            vec!["/cards/route must be `messaging-service`: the platform does not support cards"],
            with(json!({"route": "open-messaging"})).unwrap_err()
        );
    }

    #[test]
    fn optional_fields_have_defaults() {
        let mut document = example();
        let delivery = ["giveUpAfterSeconds", "timeoutSeconds", "receipts"].map(|name| ("/delivery", name));
        for (parent, name) in [("", "cards"), ("", "callers")].into_iter().chain(delivery) {
            document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        }
        let integration = parse(&document).unwrap();
        let destination = &integration.destination;
        assert_eq!(
            (6 * 3600, 10, ReceiptMode::Explicit),
            (destination.give_up_after().as_secs(), destination.timeout().as_secs(), destination.receipts())
        );
        assert_eq!(CardRoute::OpenMessaging, integration.cards);
        assert!(integration.callers.is_empty());
    }

    #[test]
    fn all_errors_are_reported_together_and_none_quotes_a_value() {
        let errors = parse(&json!({
            "platform": "genesys-cloud",
            "domain": "hidden.example.com",
            "integrationId": "",
            "clientSecret": 7,
            "webhookSecrets": ["hidden-but-too-short".get(..10), ""],
            "cards": {"route": "hidden"},
            "delivery": {"url": "http://hidden.example.com", "signingSecrets": ["hidden"], "giveUpAfterSeconds": 0, "timeoutSeconds": 11, "receipts": "hidden"},
            "callers": [{"name": "crm"}, {"name": "both", "signingSecret": "whsec_", "bearerToken": "hidden"}],
            "colour": "hidden"
        }))
        .unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|error| error.split(' ').next().unwrap()).collect();
        assert_eq!(
            vec![
                "/domain",
                "/integrationId",
                "/clientId",
                "/clientSecret",
                "/webhookSecrets",
                "/cards/route",
                "/delivery/url",
                "/delivery/signingSecrets",
                "/delivery/giveUpAfterSeconds",
                "/delivery/timeoutSeconds",
                "/delivery/receipts",
                "/callers/0",
                "/callers/1/signingSecret",
                "/callers/1/bearerToken",
                "/callers/1",
                "/colour",
            ],
            pointers,
            "{errors:#?}"
        );
        assert!(!errors.concat().contains("hidden"), "{errors:#?}");
    }

    #[test]
    fn a_caller_may_be_restricted_to_routes_by_name_or_by_group() {
        let with = |routes: Value| {
            let mut document = example();
            document["callers"][0]["routes"] = routes;
            parse(&document).map(|integration| {
                let routes = |index: usize| integration.callers[index].routes.clone();
                assert_eq!(None, routes(1));
                routes(0)
            })
        };
        let inbound = [Route::InboundMessages, Route::InboundResponses, Route::InboundEvents];
        let both = [&[Route::Receipts], &inbound[..]].concat();
        assert_eq!(Ok(Some(both)), with(json!(["inbound", "receipts", "inbound/events"])));
        assert_eq!(Ok(Some(vec![Route::AgentTyping])), with(json!(["agent/typing"])));
        assert_eq!(Ok(Some(vec![Route::Agentless, Route::AgentlessCancel])), with(json!(["agentless"])));
        for (wrong, error) in [
            (json!([]), "/callers/0/routes must have at least one element"),
            // An invalid value never means all routes.
            (json!(null), "/callers/0/routes must be a list"),
            (json!(""), "/callers/0/routes must be a list"),
            (json!(" "), "/callers/0/routes must be a list"),
            (json!([null]), "/callers/0/routes element 0 must be a string"),
            (json!([""]), "/callers/0/routes element 0 must not be empty or blank"),
            (json!("receipts"), "/callers/0/routes must be a list"),
            (json!(["receipts", 7]), "/callers/0/routes element 1 must be a string"),
        ] {
            assert_eq!(vec![error], with(wrong).unwrap_err());
        }
        let unknown = with(json!(["hidden"])).unwrap_err().concat();
        let words = "/callers/0/routes element 0 must be `inbound`, `agent` or one of `agentless`, `agentless/cancel`, `receipts`, `cards`";
        assert!(unknown.starts_with(words) && !unknown.contains("hidden"), "{unknown}");
    }

    #[test]
    fn a_null_or_blank_member_of_a_configuration_is_an_error_at_every_depth() {
        fn places(value: &Value, at: &str, found: &mut Vec<String>) {
            for (name, member) in value.as_object().into_iter().flatten() {
                let at = fields::pointer(at, name);
                places(member, &at, found);
                found.push(at);
            }
            for (index, element) in value.as_array().into_iter().flatten().enumerate() {
                places(element, &fields::pointer(at, &index.to_string()), found);
            }
        }
        let mut genesys_cloud = example();
        genesys_cloud["callers"][0]["routes"] = json!(["receipts"]);
        genesys_cloud["cards"]["textTrace"] = true.into();
        genesys_cloud["media"] = json!({"maximumBytes": 5, "trustedOrigins": ["https://files.example.com"]});
        let highlevel = json!({
            "platform": "highlevel", "locationId": "l", "appId": "a", "token": "t",
            "trustedKeys": ["MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg="],
            "acceptLegacySignature": false, "forwardMessageTypes": ["SMS"], "maximumAgeSeconds": 60,
            "conversationProviderId": "p", "apiBaseUrl": "https://api.example.com", "delivery": example()["delivery"],
        });
        for document in [genesys_cloud, highlevel] {
            assert!(parse(&document).is_ok());
            let mut found = Vec::new();
            places(&document, "", &mut found);
            assert!(found.len() > 14, "{found:?}");
            for (place, blank) in found.iter().flat_map(|at| [(at, Value::Null), (at, json!("")), (at, json!(" "))]) {
                let mut document = document.clone();
                *document.pointer_mut(place).unwrap() = blank;
                assert!(parse(&document).is_err(), "{place}");
            }
        }
    }

    #[test]
    fn contacts_without_phone_numbers_need_a_provider_of_the_companys_own() {
        let parse = |channel: Value, provider: Option<&str>| {
            let mut document = json!({"platform": "highlevel", "locationId": "l", "token": "t", "channel": channel});
            if let Some(provider) = provider {
                document["conversationProviderId"] = provider.into();
            }
            parse(&document)
        };
        let telegram = || {
            json!({
                "kind": "telegram", "publicUrl": "https://api.example.com", "botToken": "7100001:hidden",
                "webhookSecrets": ["hidden-webhook-secret-0123456789abc"],
            })
        };
        let expected = "/conversationProviderId is required with `telegram`, whose customers have no phone number";
        assert_eq!(vec![expected], parse(telegram(), None).unwrap_err());
        assert!(parse(telegram(), Some("p")).unwrap().creates_contacts());
        let twilio = json!({
            "kind": "twilio", "publicUrl": "https://api.example.com", "accountSid": format!("AC{:032}", 1),
            "apiKeySid": format!("SK{:032}", 1), "apiKeySecret": "hidden", "authTokens": ["hidden-auth-token-0123456789abcdef"],
            "from": "+15005550006",
        });
        assert!(!parse(twilio, None).unwrap().creates_contacts());
    }

    #[test]
    fn an_integration_has_a_messaging_service_or_a_channel() {
        let mut document = example();
        document["channel"] = json!({
            "kind": "telegram", "publicUrl": "https://api.example.com", "botToken": "7100001:hidden",
            "webhookSecrets": ["hidden-webhook-secret-0123456789abc"], "giveUpAfterSeconds": 60,
        });
        assert_eq!(vec!["the document must have either `delivery` or `channel`"], parse(&document).unwrap_err());
        document.as_object_mut().unwrap().remove("delivery");
        document.as_object_mut().unwrap().remove("cards");
        let Integration { destination, cards, .. } = parse(&document).unwrap();
        assert_eq!(CardRoute::MessagingService { text_trace: true }, cards, "they go to the channel's customers");
        assert_eq!(Some(ChannelName::Telegram), destination.channel().map(ChannelConfig::name));
        assert_eq!(
            (60, crate::channel::ATTEMPT_TIMEOUT),
            (destination.give_up_after().as_secs(), destination.timeout())
        );
        document.as_object_mut().unwrap().remove("channel");
        assert_eq!(vec!["/delivery is required"], parse(&document).unwrap_err());
    }

    #[test]
    fn credentials_with_the_same_value_have_the_same_digest() {
        let digest = |caller: Value| {
            let mut document = example();
            document["callers"] = json!([caller]);
            parse(&document).unwrap().callers[0].credential.digest()
        };
        let token = |token: &str| digest(json!({"name": "a", "bearerToken": token}));
        let signing = |secret: &str| digest(json!({"name": "b", "signingSecret": secret}));
        let long = "0123456789abcdef0123456789abcdef";
        assert_eq!(token(long), token(long));
        assert_ne!(token(long), token(&long.to_uppercase()));
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(signing(secret), signing(secret));
        assert_ne!(signing(secret), token(secret));
    }

    #[test]
    fn an_unknown_platform_and_invalid_json_are_errors() {
        let errors = parse(&json!({"platform": "hidden", "delivery": {}})).unwrap_err();
        assert!(
            errors.contains(&"/platform must be `genesys-cloud`, `multicloud-cx`, `highlevel`".to_owned()),
            "{errors:?}"
        );
        let broken = Integration::parse("acme".parse().unwrap(), "{\"clientSecret\": hidden}").unwrap_err();
        assert_eq!("the document is not valid JSON (line 1, column 18)", broken.first().unwrap().to_string());
    }

    #[test]
    fn the_debug_output_of_a_configuration_contains_no_secret() {
        let shown = format!("{:?}", parse(&example()).unwrap());
        assert!(!shown.contains("hidden") && !shown.contains("/hook"), "{shown}");
    }
}
