//! The ledger's keys.

use crate::digest::Digest;
use crate::model::endpoint::Endpoint;
use crate::model::integration_name::IntegrationName;
use crate::model::platform_name::PlatformName;
use crate::platform::Route;

/// The kinds of keys, each with its prefix. The template's roles name these prefixes (`dynamodb:LeadingKeys`), so that a
/// function can write no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The delivery of a message to the messaging service.
    Delivery,
    /// The posting of a receipt to the platform.
    Receipt,
    /// A caller's request.
    Request,
    /// The posting of a customer's message or choice to the platform.
    Inbound,
    /// The text trace of a card.
    TextTrace,
    /// A test delivery that an operator requested.
    Probe,
    /// Writing the tokens of an integration's authorization.
    Authorization,
    /// Whose a conversation of the platform is.
    Conversation,
    /// Which integration connects a channel of the platform.
    Channel,
    /// The options that a customer was offered through a channel.
    Offer,
    /// Which contact of the platform a channel's customer is, and the other way round.
    Contact,
    /// The last message of a group on the retry lane.
    Lane,
    /// The circuit breaker of an endpoint.
    Circuit,
}

impl Kind {
    pub const ALL: [Self; 13] = [
        Self::Delivery,
        Self::Receipt,
        Self::Request,
        Self::Inbound,
        Self::TextTrace,
        Self::Probe,
        Self::Authorization,
        Self::Conversation,
        Self::Channel,
        Self::Offer,
        Self::Contact,
        Self::Lane,
        Self::Circuit,
    ];

    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Delivery => "delivery#",
            Self::Receipt => "receipt#",
            Self::Request => "request#",
            Self::Inbound => "inbound#",
            Self::TextTrace => "text-trace#",
            Self::Probe => "probe#",
            Self::Authorization => "authorization#",
            Self::Conversation => "conversation#",
            Self::Channel => "channel#",
            Self::Offer => "offer#",
            Self::Contact => "contact#",
            Self::Lane => "lane#",
            Self::Circuit => "circuit#",
        }
    }

    fn key(self, integration: &IntegrationName, id: &str) -> String {
        format!("{}{integration}#{id}", self.prefix())
    }

    /// Whether its keys name an integration.
    const fn is_of_integration(self) -> bool {
        match self {
            Self::Delivery
            | Self::Receipt
            | Self::Request
            | Self::Inbound
            | Self::TextTrace
            | Self::Probe
            | Self::Authorization
            | Self::Offer
            | Self::Contact
            | Self::Circuit => true,
            Self::Conversation | Self::Channel | Self::Lane => false,
        }
    }
}

/// A key of an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationKey<'k> {
    pub kind: Kind,
    pub integration: IntegrationName,
    pub id: &'k str,
}

impl<'k> IntegrationKey<'k> {
    #[must_use]
    pub fn parse(key: &'k str) -> Option<Self> {
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_of_integration());
        let (kind, rest) = kinds.filter_map(|kind| Some((kind, key.strip_prefix(kind.prefix())?))).next()?;
        let (integration, id) = rest.split_once('#')?;
        Some(Self { kind, integration: integration.parse().ok()?, id })
    }
}

/// The delivery of a message to the messaging service, by the digest in its `webhook-id`.
#[must_use]
pub fn delivery(integration: &IntegrationName, digest: &str) -> String {
    Kind::Delivery.key(integration, digest)
}

/// The posting of a receipt to the platform.
#[must_use]
pub fn receipt(integration: &IntegrationName, deduplication_id: &Digest) -> String {
    Kind::Receipt.key(integration, deduplication_id.as_str())
}

/// The highest status of a message that was reported to the platform.
#[must_use]
pub fn reported_status(integration: &IntegrationName, message_id: &str) -> String {
    Kind::Receipt.key(integration, Digest::of_parts(&["status of", message_id]).as_str())
}

/// Reading the parking queue, which hides its messages from other readers: one run of the command at a time.
pub const PARKING_QUEUE: &str = "parking-queue";

/// A caller's request.
#[must_use]
pub fn request(integration: &IntegrationName, digest: &Digest) -> String {
    Kind::Request.key(integration, digest.as_str())
}

/// The text trace of a card, by the code in it.
#[must_use]
pub fn text_trace(integration: &IntegrationName, code: &str) -> String {
    Kind::TextTrace.key(integration, code)
}

/// The posting of a customer's message or choice, by the caller's id of it. Ids of different callers are independent.
#[must_use]
pub fn inbound(integration: &IntegrationName, caller: &str, kind: &str, message_id: &str) -> String {
    let identity = Digest::of_parts(&["inbound", integration.as_str(), kind, message_id, "of", caller]);
    Kind::Inbound.key(integration, identity.as_str())
}

#[must_use]
pub fn probe(integration: &IntegrationName, id: &str) -> String {
    Kind::Probe.key(integration, id)
}

/// Writing the tokens of an integration's authorization: one process at a time.
#[must_use]
pub fn authorization(integration: &IntegrationName) -> String {
    Kind::Authorization.key(integration, "tokens")
}

/// Whose a conversation is, by the platform's id of it: events do not name the integration. Ids are case-insensitive.
#[must_use]
pub fn conversation(platform: PlatformName, conversation_id: &str) -> String {
    format!("{}{}#{}", Kind::Conversation.prefix(), platform.as_str(), conversation_id.to_ascii_lowercase())
}

/// Which integration connects a channel, by the platform's id of it.
#[must_use]
pub fn channel(platform: PlatformName, channel_id: &str) -> String {
    format!("{}{}#{}", Kind::Channel.prefix(), platform.as_str(), channel_id.to_ascii_lowercase())
}

/// The options of one message, by the key in its buttons.
#[must_use]
pub fn offer(integration: &IntegrationName, offer_key: &str) -> String {
    Kind::Offer.key(integration, offer_key)
}

/// The options that a customer was offered last, where options are numbered.
#[must_use]
pub fn last_offer(integration: &IntegrationName, customer: &str) -> String {
    Kind::Offer.key(integration, Digest::of_parts(&["last offer", customer]).as_str())
}

/// The contact of the customer with this address in the channel.
#[must_use]
pub fn contact(integration: &IntegrationName, address: &str) -> String {
    Kind::Contact.key(integration, Digest::of_parts(&["contact of address", address]).as_str())
}

/// The address in the channel of the customer who is this contact.
#[must_use]
pub fn contact_address(integration: &IntegrationName, contact: &str) -> String {
    Kind::Contact.key(integration, Digest::of_parts(&["address of contact", contact]).as_str())
}

/// The last message of a group on the retry lane, by the group's id.
#[must_use]
pub fn lane(group: &str) -> String {
    format!("{}{group}", Kind::Lane.prefix())
}

/// The circuit breaker of an endpoint.
#[must_use]
pub fn circuit(endpoint: &Endpoint) -> String {
    Kind::Circuit.key(&endpoint.integration, endpoint.kind.as_str())
}

/// The hexadecimal digits with which the ids of deliveries and receipts start.
const FIRST_DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

/// The partitions of the index of retries that an integration's items are in. There are several, because DynamoDB writes at
/// most 1,000 items a second to one, and throttles the table when an index is throttled.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-indexes-gsi-sharding.html>.
pub(super) fn retry_shards(integration: &IntegrationName) -> impl Iterator<Item = String> {
    FIRST_DIGITS.into_iter().map(move |digit| format!("{integration}#{digit}"))
}

/// The partition of the index of retries for the item under `key`; none if the key is of a kind that is not in the index.
pub(super) fn retry_shard(key: &str) -> Option<String> {
    let IntegrationKey { integration, id, .. } = IntegrationKey::parse(key)?;
    let digit = id.chars().next().filter(|digit| FIRST_DIGITS.contains(digit))?;
    Some(format!("{integration}#{digit}"))
}

/// Identifies a request: the same caller, the same route and the same idempotency key.
#[must_use]
pub fn request_digest(route: Route, integration: &IntegrationName, caller: &str, idempotency_key: &str) -> Digest {
    Digest::of_parts(&[route.as_str(), integration.as_str(), caller, idempotency_key])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::endpoint::EndpointKind;
    use crate::model::receipt::DeliveryReceipt;

    #[test]
    fn an_item_is_in_one_of_the_partitions_of_its_integration() {
        let acme: IntegrationName = "acme".parse().unwrap();
        let shards: Vec<_> = retry_shards(&acme).collect();
        for digest in [Digest::of_bytes(b"1"), Digest::of_bytes(b"2"), Digest::of_bytes(b"3")] {
            let shard = retry_shard(&delivery(&acme, digest.as_str())).unwrap();
            assert!(shards.contains(&shard), "{shard}");
        }
        assert_eq!(None, retry_shard(PARKING_QUEUE));
    }

    #[test]
    fn a_key_of_an_integration_is_parsed_into_the_parts_that_it_was_made_of() {
        let acme: IntegrationName = "acme".parse().unwrap();
        for (kind, key) in [(Kind::Delivery, delivery(&acme, "12ab")), (Kind::TextTrace, text_trace(&acme, "12ab"))] {
            let parts = IntegrationKey { kind, integration: acme.clone(), id: "12ab" };
            assert_eq!(Some(parts), IntegrationKey::parse(&key));
        }
        let conversation = conversation(PlatformName::GenesysCloud, "5d0d");
        for other in [conversation.as_str(), &lane("12ab"), PARKING_QUEUE, "delivery#acme", "delivery#Acme#12ab", ""] {
            assert_eq!(None, IntegrationKey::parse(other), "{other}");
        }
    }

    #[test]
    fn keys_stay_as_they_were_because_the_ledger_keeps_them_for_weeks() {
        let acme = "acme".parse().unwrap();
        assert_eq!("delivery#acme#12ab", delivery(&acme, "12ab"));
        assert_eq!("probe#acme#12ab", probe(&acme, "12ab"));
        assert_eq!("authorization#acme#tokens", authorization(&acme));
        let identity = request_digest(Route::Agentless, &acme, "crm", "order-1");
        assert_eq!(Digest::of_parts(&["agentless", "acme", "crm", "order-1"]), identity);
        assert_eq!(format!("request#acme#{identity}"), request(&acme, &identity));
        let json =
            r#"{"messageId":"m","to":{"id":"c"},"status":"Failed","time":"1970-01-01T00:00:00Z","isFinal":true}"#;
        let failed: DeliveryReceipt = serde_json::from_str(json).unwrap();
        let identity = Digest::of_parts(&["receipt", "acme", "m", "Failed", "final"]);
        assert_eq!(format!("receipt#acme#{identity}"), receipt(&acme, &failed.deduplication_id(&acme)));
        let identity = Digest::of_parts(&["inbound", "acme", "message", "m-1", "of", "crm"]);
        assert_eq!(format!("inbound#acme#{identity}"), inbound(&acme, "crm", "message", "m-1"));
        assert_eq!("text-trace#acme#0123", text_trace(&acme, "0123"));
        assert_eq!("conversation#genesys-cloud#5d0d", conversation(PlatformName::GenesysCloud, "5D0D"));
        assert_eq!("channel#genesys-cloud#e6b3", channel(PlatformName::GenesysCloud, "e6B3"));
        assert_eq!("lane#12ab", lane("12ab"));
        assert_eq!("circuit#acme#platform", circuit(&Endpoint::new(acme, EndpointKind::Platform)));
    }
}
