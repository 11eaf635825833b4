//! What things are called in the ledger.

use crate::identity::Identity;
use crate::integration::IntegrationName;
use crate::platform::Route;
use crate::receipt::DeliveryReceipt;

/// The delivery of a message to the messaging service; the digits of the message's `webhook-id` are its identity.
#[must_use]
pub fn delivery(integration: &IntegrationName, identity: &str) -> String {
    format!("delivery#{integration}#{identity}")
}

/// The posting of a receipt to the platform.
#[must_use]
pub fn receipt(integration: &IntegrationName, receipt: &DeliveryReceipt) -> String {
    format!("receipt#{integration}#{}", receipt.identity(integration))
}

/// A caller's request.
#[must_use]
pub fn request(integration: &IntegrationName, identity: &Identity) -> String {
    format!("request#{integration}#{identity}")
}

/// The posting of what a customer did, under the id that the caller has for it: each caller has ids of its own.
#[must_use]
pub fn inbound(integration: &IntegrationName, caller: &str, kind: &str, message_id: &str) -> String {
    let identity = Identity::of(&["inbound", integration.as_str(), kind, message_id, "of", caller]);
    format!("inbound#{integration}#{identity}")
}

/// What stands for a request: the same caller's, to the same route, under the same idempotency key.
#[must_use]
pub fn request_identity(route: Route, integration: &IntegrationName, caller: &str, idempotency_key: &str) -> Identity {
    Identity::of(&[route.as_str(), integration.as_str(), caller, idempotency_key])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_as_they_were_because_the_ledger_keeps_them_for_weeks() {
        let acme = "acme".parse().unwrap();
        assert_eq!("delivery#acme#12ab", delivery(&acme, "12ab"));
        let identity = request_identity(Route::Agentless, &acme, "crm", "order-1");
        assert_eq!(Identity::of(&["agentless", "acme", "crm", "order-1"]), identity);
        assert_eq!(format!("request#acme#{identity}"), request(&acme, &identity));
        let told =
            r#"{"messageId":"m","to":{"id":"c"},"status":"Failed","time":"1970-01-01T00:00:00Z","isFinal":true}"#;
        let told: DeliveryReceipt = serde_json::from_str(told).unwrap();
        let identity = Identity::of(&["receipt", "acme", "m", "Failed", "final"]);
        assert_eq!(format!("receipt#acme#{identity}"), receipt(&acme, &told));
        let identity = Identity::of(&["inbound", "acme", "message", "m-1", "of", "crm"]);
        assert_eq!(format!("inbound#acme#{identity}"), inbound(&acme, "crm", "message", "m-1"));
    }
}
