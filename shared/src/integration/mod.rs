//! An integration: one platform account, connected to one messaging service.
//!
//! Its configuration and its secrets are one JSON document in Secrets Manager, named `<prefix>/<integration>`. The
//! document is read strictly: a field that is missing, unknown or wrong is a fault, all faults are reported together,
//! and none of them repeats a value.

mod caller;
mod cards;
mod delivery;
mod media;
mod store;

pub use caller::{Caller, Credential};
pub use cards::CardRoute;
pub use delivery::{DeliveryConfig, ReceiptMode};
pub use media::MediaConfig;
pub use store::{DEFAULT_TIME_TO_LIVE, IntegrationStore, LoadError, SETTLING_TIME};

use crate::json::fields::{self, Fault};
use crate::model::card::TraceKey;
use crate::model::integration_name::IntegrationName;
use crate::platform::{PlatformConfig, PlatformName, Route};
use secrecy::SecretString;
use serde_json::Value;

/// A secret in memory: it does not show when printed, and it is wiped when dropped.
pub type Secret = SecretString;

/// The configuration of one integration.
#[derive(Debug)]
pub struct Integration {
    /// Its name.
    pub name: IntegrationName,
    /// Which version of the secret it was read from, where it was read from one.
    pub version: Option<String>,
    /// The platform's side.
    pub platform: PlatformConfig,
    /// The messaging service's side.
    pub delivery: DeliveryConfig,
    /// How cards go out.
    pub cards: CardRoute,
    /// Which files may be sent.
    pub media: MediaConfig,
    /// Who may call the sender routes.
    pub callers: Vec<Caller>,
}

impl Integration {
    /// Whether the platform has a call for the route, or none is needed.
    #[must_use]
    pub fn supports(&self, route: Route) -> bool {
        let by_messaging_service = matches!(self.cards, CardRoute::MessagingService { .. });
        (route == Route::Cards && by_messaging_service) || self.platform.name().routes().contains(&route)
    }

    /// The sender routes that it has.
    pub fn routes(&self) -> impl Iterator<Item = Route> {
        Route::ALL.into_iter().filter(|route| self.supports(*route))
    }

    /// The keys of the text traces of its cards: one is made with the first, and known by any of them, so that the
    /// deliveries' secrets can be rotated.
    pub fn trace_keys(&self) -> impl Iterator<Item = TraceKey> {
        self.delivery.signing_secrets.iter().filter_map(|secret| TraceKey::new(secret, &self.name))
    }

    /// Reads the configuration document of `name`.
    ///
    /// # Errors
    /// Every fault of the document.
    pub fn parse(name: IntegrationName, document: &str) -> Result<Self, Vec<Fault>> {
        let value: Value = serde_json::from_str(document).map_err(|error| {
            let detail = format!("is not valid JSON (line {}, column {})", error.line(), error.column());
            vec![Fault { pointer: String::new(), detail }]
        })?;
        fields::read_configuration(value, |fields| {
            let platform_name = fields.required("platform", PlatformName::from_field);
            let platform = platform_name.and_then(|platform| PlatformConfig::read(platform, fields));
            let cards = fields.optional_object("cards", |cards| CardRoute::read(platform_name?, cards));
            let media = fields.optional_object("media", MediaConfig::read).unwrap_or_default();
            let delivery = fields.object("delivery", DeliveryConfig::read);
            let callers = fields.objects("callers", Caller::read);
            let platform_name = platform_name?;
            Some(Self {
                name,
                version: None,
                platform: platform?,
                cards: cards.unwrap_or_else(|| CardRoute::usual(platform_name)),
                media,
                delivery: delivery?,
                callers: callers?,
            })
        })
    }
}

/// A secret that is not empty.
///
/// # Errors
/// What is wrong, without the value.
pub fn secret(value: Value) -> Result<Secret, String> {
    fields::text(value).map(Secret::from)
}

/// A secret that two sides share, to sign with or to know each other by.
///
/// # Errors
/// It is shorter than that, which is said without the value.
pub fn shared_secret(minimum_characters: usize) -> impl Fn(Value) -> Result<Secret, String> {
    move |value| {
        let text = fields::text(value)?;
        if text.chars().count() < minimum_characters {
            return Err(format!("must have at least {minimum_characters} characters"));
        }
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_complete_document_is_read() {
        let integration = parse(&example()).unwrap();
        let PlatformConfig::GenesysCloud(genesys) = &integration.platform else { panic!("another platform") };
        assert_eq!("https://api.mypurecloud.de/", genesys.region.api_url().as_str());
        assert_eq!(2, genesys.webhook_secrets.len());
        assert_eq!(3600, integration.delivery.give_up_after.as_secs());
        assert_eq!(ReceiptMode::OnAccept, integration.delivery.receipts);
        assert_eq!(2, integration.callers.len());
        assert_eq!(CardRoute::MessagingService { text_trace: true }, integration.cards);
    }

    #[test]
    fn the_text_trace_of_cards_can_be_turned_off_where_there_is_one() {
        let mut document = example();
        document["cards"]["textTrace"] = false.into();
        assert_eq!(CardRoute::MessagingService { text_trace: false }, parse(&document).unwrap().cards);
        document["cards"]["route"] = "open-messaging".into();
        assert_eq!(vec!["/cards/textTrace is for the route `messaging-service` only"], parse(&document).unwrap_err());
    }

    #[test]
    fn where_a_platform_takes_no_cards_and_no_agentless_messages_neither_is_asked_for() {
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
            vec!["/cards/textTrace must be false: the platform takes no agentless messages"],
            with(json!({"route": "messaging-service", "textTrace": true})).unwrap_err()
        );
        assert_eq!(
            vec!["/cards/route must be `messaging-service`: the platform takes no cards"],
            with(json!({"route": "open-messaging"})).unwrap_err()
        );
    }

    #[test]
    fn what_may_be_left_out_has_defaults() {
        let mut document = example();
        for (parent, name) in
            [("", "cards"), ("", "callers"), ("/delivery", "giveUpAfterSeconds"), ("/delivery", "receipts")]
        {
            document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        }
        let integration = parse(&document).unwrap();
        assert_eq!(6 * 3600, integration.delivery.give_up_after.as_secs());
        assert_eq!(ReceiptMode::Explicit, integration.delivery.receipts);
        assert_eq!(CardRoute::OpenMessaging, integration.cards);
        assert!(integration.callers.is_empty());
    }

    #[test]
    fn all_faults_are_reported_together_and_none_repeats_a_value() {
        let faults = parse(&json!({
            "platform": "genesys-cloud",
            "domain": "hidden.example.com",
            "integrationId": "",
            "clientSecret": 7,
            "webhookSecrets": ["hidden-but-too-short".get(..10), ""],
            "cards": {"route": "hidden"},
            "delivery": {"url": "http://hidden.example.com", "signingSecrets": ["hidden"], "giveUpAfterSeconds": 0, "receipts": "hidden"},
            "callers": [{"name": "crm"}, {"name": "both", "signingSecret": "whsec_", "bearerToken": "hidden"}],
            "colour": "hidden"
        }))
        .unwrap_err();
        let places: Vec<_> = faults.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
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
                "/delivery/receipts",
                "/callers/0",
                "/callers/1/signingSecret",
                "/callers/1/bearerToken",
                "/callers/1",
                "/colour",
            ],
            places,
            "{faults:#?}"
        );
        assert!(!faults.concat().contains("hidden"), "{faults:#?}");
    }

    #[test]
    fn a_caller_may_be_confined_to_routes_by_their_names_or_by_groups() {
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
        for (wrong, fault) in [
            (json!([]), "/callers/0/routes must have at least one element"),
            // What cannot be read never means all routes.
            (json!(null), "/callers/0/routes must be a list"),
            (json!(""), "/callers/0/routes must be a list"),
            (json!(" "), "/callers/0/routes must be a list"),
            (json!([null]), "/callers/0/routes element 0 must be a string"),
            (json!([""]), "/callers/0/routes element 0 must not be empty or blank"),
            (json!("receipts"), "/callers/0/routes must be a list"),
            (json!(["receipts", 7]), "/callers/0/routes element 1 must be a string"),
        ] {
            assert_eq!(vec![fault], with(wrong).unwrap_err());
        }
        let unknown = with(json!(["hidden"])).unwrap_err().concat();
        let words = "/callers/0/routes element 0 must be `inbound`, `agent` or one of `agentless`, `receipts`, `cards`";
        assert!(unknown.starts_with(words) && !unknown.contains("hidden"), "{unknown}");
    }

    #[test]
    fn in_a_configuration_a_member_that_is_null_or_blank_is_a_fault_wherever_it_stands() {
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
    fn credentials_are_the_same_by_what_they_are_and_not_by_how_they_are_written() {
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
    fn an_unknown_platform_and_broken_json_are_faults() {
        let faults = parse(&json!({"platform": "hidden", "delivery": {}})).unwrap_err();
        assert!(
            faults.contains(&"/platform must be `genesys-cloud`, `multicloud-cx`, `highlevel`".to_owned()),
            "{faults:?}"
        );
        let broken = Integration::parse("acme".parse().unwrap(), "{\"clientSecret\": hidden}").unwrap_err();
        assert_eq!("the document is not valid JSON (line 1, column 18)", broken.first().unwrap().to_string());
    }

    #[test]
    fn no_secret_shows_when_a_configuration_is_printed() {
        let shown = format!("{:?}", parse(&example()).unwrap());
        assert!(!shown.contains("hidden") && !shown.contains("/hook"), "{shown}");
    }
}
