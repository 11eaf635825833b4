//! What tests do to the platform: faults, settings and people.

use super::conversations::Conversation;
use super::models::IdType;
use super::profiles::Kind;
use super::{GenesysCloud, OPERATIONS, ScanResult};
use crate::simulators::faults::{Fault, Target};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;

impl GenesysCloud {
    /// Injects faults into the next calls, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::AnyCall, faults);
    }

    /// Injects faults into the next calls of one operation. They come before faults of any call.
    pub fn fail_operation(&self, operation: &str, faults: impl IntoIterator<Item = Fault>) {
        assert!(OPERATIONS.contains(&operation), "{operation} is none of {OPERATIONS:?}");
        self.platform.faults.plan(Target::Operation(operation.to_owned()), faults);
    }

    /// Injects no more faults into the calls of one operation.
    pub fn recover_operation(&self, operation: &str) {
        self.platform.faults.cancel(&Target::Operation(operation.to_owned()));
    }

    /// Injects faults into the next requests for a token.
    pub fn fail_tokens(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::Tokens, faults);
    }

    /// Injects no more faults into requests for a token.
    pub fn recover_tokens(&self) {
        self.platform.faults.cancel(&Target::Tokens);
    }

    /// Injects faults into the next uploads of bytes.
    pub fn fail_uploads(&self, faults: impl IntoIterator<Item = Fault>) {
        self.platform.faults.plan(Target::Uploads, faults);
    }

    /// Sets the lifetime of new tokens.
    pub fn set_token_life(&self, life: Duration) {
        *self.platform.tokens.life.lock().expect("no panic") = life;
    }

    /// Invalidates all tokens.
    pub fn revoke_tokens(&self) {
        self.platform.tokens.revoke();
    }

    /// The customer's conversation as it would be after an inbound message, without creating one.
    pub fn open_conversation(&self, integration_id: &str, customer: &str) -> Conversation {
        self.know_integration(integration_id);
        self.platform.conversations.joined(integration_id, customer, IdType::Opaque)
    }

    /// Replaces the agents of a conversation, by default one connected: their communications and states.
    pub fn set_agents(&self, conversation: &Conversation, agents: &[(&str, &'static str)]) {
        self.platform.conversations.set_agents(conversation, agents);
    }

    /// Makes an Open Messaging integration exist, without showing it among those of the API.
    pub fn know_integration(&self, id: &str) {
        self.platform.known_integrations.lock().expect("no panic").insert(id.to_owned());
    }

    /// Makes a configuration one of this platform, where its integration exists from now on.
    pub fn host(&self, configuration: &mut Value) {
        configuration["domain"] = self.url.clone().into();
        self.know_integration(configuration["integrationId"].as_str().expect("an id"));
    }

    /// Makes a message to a customer exist, which the customer's responses may refer to.
    pub fn know_message(&self, id: &str) {
        self.platform.conversations.remember(id);
    }

    /// Sets the result of the scan of uploads.
    pub fn set_scan_result(&self, scan_result: ScanResult) {
        *self.platform.uploads.scan_result.lock().expect("no panic") = scan_result;
    }

    /// Adds a user to the directory with a channel. Several users may have the same address.
    pub fn add_user(&self, id: &str, email: &str) {
        self.platform.users.add(id, email);
    }

    /// Searches return every user, whatever they ask for.
    pub fn ignore_search_criteria(&self) {
        self.platform.users.ignores_criteria.store(true, Ordering::Relaxed);
    }

    /// Removes a user and the user's channel.
    pub fn remove_user(&self, id: &str) {
        self.platform.users.remove(id);
    }

    /// Adds an Open Messaging integration, as if by hand.
    pub fn add_integration(&self, id: &str, webhook_url: &str, secret: &str) {
        self.platform.integrations.add(json!({
            "id": id,
            "name": "made by hand",
            "outboundNotificationWebhookUrl": webhook_url,
            "outboundNotificationWebhookSignatureSecretToken": secret,
            "createStatus": "Completed",
        }));
    }

    /// Adds a profile with this content, as if by hand, and returns its id.
    pub fn add_profile(&self, kind: Kind, profile: Value) -> String {
        self.platform.profiles.add(kind, profile, true)["id"].as_str().expect("an id").to_owned()
    }

    /// Assigns a profile to an Open Messaging integration, as if by hand.
    pub fn assign_profile(&self, integration_id: &str, kind: Kind, profile: &str) {
        let reference = self.platform.profiles.reference(kind, &profile.into()).expect("a profile");
        self.platform.integrations.set(integration_id, kind.field(), reference);
    }

    /// Makes a profile the organisation's default, which integrations without one have.
    pub fn set_default_profile(&self, kind: Kind, profile: &str) {
        self.platform.profiles.set_default(kind, profile);
    }

    /// Returns asterisks in place of the values of webhook headers from now on.
    pub fn hide_headers(&self) {
        self.platform.integrations.hides_headers.store(true, Ordering::Relaxed);
    }

    /// Enables typing in both directions and every media type for an Open Messaging integration, as if by hand.
    pub fn allow_everything(&self, integration_id: &str) {
        let on = json!({"inbound": "Enabled", "outbound": "Enabled"});
        let setting = json!({"name": "Everything", "event": {"typing": {"on": on}}});
        let any = json!([{"type": "*/*"}]);
        let content = json!({"name": "Everything", "mediaTypes": {"allow": {"inbound": any, "outbound": any}}});
        for (kind, profile) in [(Kind::MessagingSetting, setting), (Kind::SupportedContent, content)] {
            self.assign_profile(integration_id, kind, &self.add_profile(kind, profile));
        }
    }

    /// Refuses new supported content profiles from now on.
    pub fn disable_supported_content(&self) {
        self.platform.profiles.creation_disabled.store(true, Ordering::Relaxed);
    }

    /// Changes a field of an Open Messaging integration, as if by hand.
    pub fn set_integration(&self, id: &str, field: &str, value: impl Into<Value>) {
        self.platform.integrations.set(id, field, value.into());
    }

    /// Deletes an Open Messaging integration, as if by hand.
    pub fn remove_integration(&self, id: &str) {
        self.platform.integrations.remove(id);
    }

    /// Revokes a permission of the client's role, such as `messaging:integration:add`.
    pub fn revoke_permission(&self, permission: &str) {
        self.platform.revoked.lock().expect("no panic").insert(permission.to_owned());
    }

    pub fn grant_permission(&self, permission: &str) {
        self.platform.revoked.lock().expect("no panic").remove(permission);
    }

    /// Removes the operation that sends cards: its path responds 404.
    pub fn without_channels(&self) {
        self.platform.has_channels.store(false, Ordering::Relaxed);
    }

    /// Posts the integration's messages and receipts to its webhook, signed with its secret, from now on.
    pub fn connect(&self, webhook_url: impl Into<String>, secret: impl Into<String>, integration_id: &str) {
        self.know_integration(integration_id);
        self.platform.webhooks.connect(integration_id, webhook_url.into(), secret.into(), Vec::new());
    }

    /// Sets the timeout of later webhooks (10 s by default) and the pause before a retry (5 s by default).
    pub fn set_webhook_timeout(&self, time_out: Duration, pause: Duration) {
        self.platform.webhooks.set_timeouts(time_out, pause);
    }
}
