//! Genesys Cloud's clients.

use crate::client::Client;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET, Conversation, GenesysCloud, OPERATIONS};

const INTEGRATION: &str = "e6b352de-ecd0-49c7-94de-7787418869bc";
const TIME: &str = "2026-01-02T03:04:05.678Z";
const PICTURE: &[u8] = include_bytes!("../fixtures/parcel.png");

/// The operation of the tutorial that no client has.
const IN_NO_CLIENT: &str = "channel-message";

/// A client, and the platform that it calls.
struct Session {
    client: Client,
    platform: GenesysCloud,
    conversation: Conversation,
}

impl Session {
    async fn start(client: impl FnOnce(&str) -> Client) -> Self {
        let platform = GenesysCloud::start().await;
        let conversation = platform.open_conversation(INTEGRATION, "customer-1");
        Self { client: client(&platform.url), platform, conversation }
    }

    async fn call(&mut self, method: &str, path: &[&str], options: Value, body: Value) -> Value {
        let api = if method.contains("_users") { "UsersApi" } else { "ConversationsApi" };
        let call = json!({"api": api, "method": method, "arguments": path, "options": options, "body": body});
        self.client.call(&call).await
    }

    async fn get(&mut self, method: &str, path: &[&str]) -> Value {
        self.call(&format!("get_{method}"), path, json!({}), Value::Null).await
    }

    async fn post(&mut self, method: &str, path: &[&str], body: Value) -> Value {
        self.call(&format!("post_{method}"), path, json!({}), body).await
    }

    async fn inbound(&mut self, kind: &str, body: Value) -> Value {
        self.post(&format!("conversations_message_inbound_open_{kind}"), &[INTEGRATION], body).await
    }

    /// A call on behalf of the agent.
    async fn agent(&mut self, what: &str, body: Value) -> Value {
        let Conversation { conversation_id, communication_id, .. } = self.conversation.clone();
        let method = format!("conversations_message_communication_{what}");
        self.post(&method, &[&conversation_id, &communication_id], body).await
    }

    async fn make_every_call(&mut self) {
        self.write_as_customer().await;
        self.post_receipts().await;
        self.send_without_agent().await;
        self.write_as_agent().await;
        self.look_up_users().await;
        self.manage_integrations().await;
        self.manage_profiles().await;
        self.end_conversation().await;
        let called: BTreeSet<_> = self.platform.calls().iter().map(|call| call.operation).collect();
        let all: BTreeSet<_> = OPERATIONS.into_iter().filter(|operation| *operation != IN_NO_CLIENT).collect();
        assert_eq!(all, called);
    }

    async fn write_as_customer(&mut self) {
        let times = [TIME, "2026-01-02T03:04:05Z", "2026-01-02T04:04:05.678+01:00"];
        for (number, time) in times.into_iter().enumerate() {
            let mut channel = channel(&format!("m-{number}"));
            channel["time"] = time.into();
            channel["metadata"] = json!({"subType": "None"});
            self.inbound("message", json!({"channel": channel, "text": "hello", "metadata": {"a": "b"}})).await;
        }
        let thumbnail = json!({"url": "https://example.com/t.png", "mime": "image/png", "contentSizeBytes": 1});
        let attachment = json!({
            "id": "f", "mediaType": "Image", "url": "https://example.com/a.png", "mime": "image/png", "text": "t",
            "sha256": "s", "filename": "a.png", "thumbnail": thumbnail,
        });
        let with_file = json!({"channel": channel("m-file"), "text": "", "content": [{"attachment": attachment}]});
        self.inbound("message", with_file).await;

        let method = "post_conversations_message_inbound_open_message";
        let (options, body) =
            (json!({"prefetch_conversation_id": true}), json!({"channel": channel("m-prefetched"), "text": "hello"}));
        let answer = self.call(method, &[INTEGRATION], options, body).await;
        assert_eq!(json!(self.conversation.conversation_id), answer["conversationId"]);

        let from_and_time = json!({"from": channel("")["from"], "time": TIME});
        self.inbound("event", json!({"channel": from_and_time, "events": [{"eventType": "Typing"}]})).await;
    }

    async fn post_receipts(&mut self) {
        for status in ["Sent", "Delivered", "Published", "Removed", "Failed"] {
            let to = json!({"id": "customer-1", "idType": "Opaque"});
            let mut body = json!({
                "id": "m", "channel": {"to": to, "time": TIME}, "status": status, "isFinalReceipt": status != "Sent",
            });
            if status == "Failed" {
                body["reasons"] = json!([{"code": "InvalidDestination", "message": "No such number"}]);
            }
            self.inbound("receipt", body).await;
        }
    }

    async fn send_without_agent(&mut self) {
        let template = json!({"responseId": "r", "bodyParameters": [{"id": "1", "value": "v"}]});
        let mut originating = Value::Null;
        for (messenger, mut body) in [
            ("sms", json!({"toAddress": "+15555550123", "textBody": "hello"})),
            ("whatsapp", json!({"toAddress": "15555550123", "messagingTemplate": template})),
            ("webmessaging", json!({"externalContactId": "x", "textBody": "hello"})),
            ("apple", json!({"toAddress": "+15555550123", "textBody": "hello"})),
            ("open", json!({"externalContactId": "x", "textBody": "hello"})),
            ("open", json!({"toAddress": "customer-1", "textBody": "hello", "useExistingActiveConversation": true})),
        ] {
            body["fromAddress"] = INTEGRATION.into();
            body["toAddressMessengerType"] = messenger.into();
            originating = self.post("conversations_messages_agentless", &[], body).await["id"].clone();
        }
        for choice in ["Button", "QuickReply", "DatePicker"] {
            let button = json!({"type": choice, "text": "Yes", "payload": "yes"});
            let channel = channel(&format!("m-{choice}"));
            let body = json!({"channel": channel, "buttonResponse": button, "originatingMessageId": originating});
            self.inbound("structured_response", body).await;
        }
    }

    async fn write_as_agent(&mut self) {
        let template = json!({"responseId": "r", "bodyParameters": [{"id": "1", "value": "v"}]});
        self.agent("messages", json!({"textBody": "hello"})).await;
        self.agent("messages", json!({"messagingTemplate": template})).await;
        self.agent("typing", json!({"typing": {"type": "On", "duration": 5000}})).await;

        let upload = json!({"fileName": "parcel.png", "contentLengthBytes": PICTURE.len()});
        let target = self.agent("messages_media_uploads", upload).await;
        let media = target["id"].as_str().unwrap();
        let mut request = reqwest::Client::new().put(target["uploadUrl"].as_str().unwrap()).body(PICTURE);
        for (name, value) in target["uploadHeaders"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        assert_eq!(200, request.send().await.unwrap().status().as_u16());
        let Conversation { conversation_id, communication_id, .. } = self.conversation.clone();
        let path = [conversation_id.as_str(), &communication_id, media];
        let method = "conversations_message_communication_messages_media_media_id";
        assert_eq!("uploading", self.get(method, &path).await["status"]);
        assert_eq!("valid", self.get(method, &path).await["status"]);
        self.agent("messages", json!({"textBody": "It is here", "mediaIds": [media]})).await;
    }

    async fn look_up_users(&mut self) {
        self.platform.add_user("user-1", "agent@example.com");
        let criterion = json!({"type": "EXACT", "fields": ["email"], "value": "agent@example.com"});
        let found = self.post("users_search", &[], json!({"pageSize": 25, "query": [criterion]})).await;
        assert_eq!(json!("user-1"), found["results"][0]["id"]);
        assert_eq!(found["results"], self.get("users", &[]).await["entities"]);
    }

    async fn manage_integrations(&mut self) {
        let integrations = "conversations_messaging_integrations_open";
        let mut body = json!({
            "name": "Acme",
            "outboundNotificationWebhookUrl": "https://example.com/webhook",
            "outboundNotificationWebhookSignatureSecretToken": "0123456789abcdef",
            "webhookHeaders": {"x-acme": "1"},
        });
        let created = self.post(integrations, &[], body.clone()).await;
        self.get(integrations, &[]).await;
        let (one, path) = (format!("{integrations}_integration_id"), [created["id"].as_str().unwrap()]);
        self.get(&one, &path).await;
        body["name"] = "Acme Ltd".into();
        self.call(&format!("patch_{one}"), &path, json!({}), body).await;
        let resolution = "conversations_messaging_identityresolution_integrations_open_integration_id";
        self.get(resolution, &path).await;
        self.call(&format!("put_{resolution}"), &path, json!({}), json!({"resolveIdentities": true})).await;
        self.call(&format!("delete_{one}"), &path, json!({}), Value::Null).await;
    }

    async fn end_conversation(&mut self) {
        let conversation = self.conversation.conversation_id.clone();
        self.call("get_conversation", &[&conversation], json!({}), Value::Null).await;
        let (method, state) = ("patch_conversations_message", json!({"state": "disconnected"}));
        self.call(method, &[&conversation], json!({}), state).await;
    }

    async fn manage_profiles(&mut self) {
        let typing = json!({"typing": {"on": {"inbound": "Enabled", "outbound": "Enabled"}}});
        let setting = json!({"name": "Acme", "event": typing});
        self.manage_profile("settings", "setting", setting.clone(), json!({"event": typing, "name": "Acme"})).await;
        let any = json!([{"type": "*/*"}]);
        let content = json!({"name": "Acme", "mediaTypes": {"allow": {"inbound": any, "outbound": any}}});
        self.manage_profile("supportedcontent", "supportedcontent_supported_content_id", content.clone(), content)
            .await;
    }

    async fn manage_profile(&mut self, all: &str, one: &str, new: Value, changes: Value) {
        let (all, one) = (format!("conversations_messaging_{all}"), format!("conversations_messaging_{one}"));
        let created = self.post(&all, &[], new).await;
        let path = [created["id"].as_str().unwrap()];
        // A new one is in the second listing.
        self.get(&all, &[]).await;
        assert_eq!(created["id"], self.get(&all, &[]).await["entities"][0]["id"]);
        self.get(&one, &path).await;
        self.call(&format!("patch_{one}"), &path, json!({}), changes).await;
    }
}

/// `OpenInboundMessageMessagingChannel`.
fn channel(id: &str) -> Value {
    json!({"from": {"id": "customer-1", "idType": "Opaque", "nickname": "Ada"}, "time": TIME, "messageId": id})
}

#[tokio::test]
async fn the_python_client_makes_every_call_and_has_a_place_for_every_member_of_the_answers() {
    let start = |url: &str| Client::in_python("genesys-cloud", "genesys_cloud.py", &[url, CLIENT_ID, CLIENT_SECRET]);
    Session::start(start).await.make_every_call().await;
}

#[tokio::test]
async fn the_javascript_client_makes_every_call_and_has_a_place_for_every_member_of_the_answers() {
    let start = |url: &str| Client::in_node("genesys_cloud.mjs", &[url, CLIENT_ID, CLIENT_SECRET]);
    Session::start(start).await.make_every_call().await;
}
