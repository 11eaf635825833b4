//! What holds for every platform: the same scenarios on each.

use futures::future::join_all;
use serde_json::{Value, json};
use shared::ledger::Outcome;
use shared::platform::PlatformName;
use shared::signature::hub;
use std::time::Instant;
use tests::harness::caller::Request;
use tests::harness::command::Command;
use tests::harness::stack::{FAILED_MESSAGES, Stack, TestIntegration, WEBHOOK_SECRET};
use tests::simulators::genesys_cloud::{self, ApiResponse};
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply, WAIT_TIMEOUT};
use tests::simulators::{highlevel, multicloud_cx};

/// How a platform signs.
enum Signer {
    Secret(&'static str),
    Keys(highlevel::Keys),
}

/// An account on the platform, and the integration of its webhooks.
struct Account {
    platform: PlatformName,
    stack: Stack,
    service: MessagingService,
    integration: TestIntegration,
    /// The current and the next key or secret.
    signers: [Signer; 2],
}

struct Webhook {
    id: String,
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Account {
    async fn new(platform: PlatformName) -> Self {
        Self::with_handler(platform, |_, _| Reply::status(200)).await
    }

    async fn with_handler(
        platform: PlatformName,
        handler: impl Fn(&Attempt, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let stack = Stack::connect().await;
        let service = MessagingService::with_handler(handler).await;
        let keys = || Signer::Keys(highlevel::Keys::generate());
        let signers = match platform {
            PlatformName::GenesysCloud => [Signer::Secret(WEBHOOK_SECRET), Signer::Secret("the-next-webhook-secret")],
            PlatformName::MulticloudCx => {
                [Signer::Secret(multicloud_cx::api::APP_SECRET), Signer::Secret("the-next-secret")]
            }
            PlatformName::HighLevel => [keys(), keys()],
        };
        let integration = match (platform, &signers) {
            (PlatformName::GenesysCloud, _) => stack.integration(&service.url, |_| {}).await,
            (PlatformName::MulticloudCx, _) => {
                let configuration = multicloud_cx::configuration("http://127.0.0.1:9", "0123456789", &service.url);
                stack.integration_of("0123456789", &configuration).await
            }
            (PlatformName::HighLevel, [Signer::Keys(keys), _]) => {
                highlevel::integration(&stack, keys, &service.url, |_| {}).await
            }
            _ => unreachable!("the keys are made above"),
        };
        Self { platform, stack, service, integration, signers }
    }

    /// The integration's configuration that trusts these signers.
    fn trusting(&self, trusted: &[usize]) -> Value {
        let url = &self.service.url;
        let address = &self.integration.integration_id;
        let secrets = || {
            trusted
                .iter()
                .map(|index| match &self.signers[*index] {
                    Signer::Secret(secret) => json!(secret),
                    Signer::Keys(keys) => json!(keys.trusted()[0]),
                })
                .collect::<Vec<_>>()
        };
        let (mut configuration, field) = match self.platform {
            PlatformName::GenesysCloud => (self.integration.configuration(url), "webhookSecrets"),
            PlatformName::MulticloudCx => {
                (multicloud_cx::configuration("http://127.0.0.1:9", address, url), "appSecrets")
            }
            PlatformName::HighLevel => (highlevel::configuration(address, url), "trustedKeys"),
        };
        configuration[field] = secrets().into();
        configuration
    }

    /// A text to a customer of the integration with this id.
    fn body(&self, address: &str, customer: &str, text: &str) -> (String, Value) {
        let string = |value: &Value| value.as_str().expect("an id").to_owned();
        match self.platform {
            PlatformName::GenesysCloud => {
                let mut body = genesys_cloud::WIRE[0].fill(address, customer).json();
                body["text"] = text.into();
                (string(&body["id"]), body)
            }
            PlatformName::MulticloudCx => {
                let mut body = multicloud_cx::sample("sms").fill(address, customer).json();
                body["text"] = text.into();
                (string(&body["channel"]["messageId"]), body)
            }
            PlatformName::HighLevel => {
                let mut body = highlevel::Sample::wire("sms").fill(address, customer);
                body["body"] = text.into();
                (string(&body["messageId"]), body)
            }
        }
    }

    fn text(&self, customer: &str, text: &str) -> Webhook {
        let (id, body) = self.body(&self.integration.integration_id, customer, text);
        self.signed(id, body.to_string().into_bytes(), 0)
    }

    fn signed(&self, id: String, body: Vec<u8>, signer: usize) -> Webhook {
        let header = match (&self.signers[signer], self.platform) {
            (Signer::Secret(secret), PlatformName::MulticloudCx) => {
                ("x-hub-signature", hub::sign_sha1(&body, &(*secret).into()))
            }
            (Signer::Secret(secret), _) => ("x-hub-signature-256", hub::sign_sha256(&body, &(*secret).into())),
            (Signer::Keys(keys), _) => ("x-ghl-signature", keys.signature(&body)),
        };
        Webhook { id, body, headers: vec![header] }
    }

    async fn post(&self, webhook: &Webhook) -> ApiResponse {
        let mut request = self.stack.http.post(self.integration.webhook_url()).body(webhook.body.clone());
        request = request.header("content-type", "application/json");
        for (name, value) in &webhook.headers {
            request = request.header(*name, value);
        }
        ApiResponse::read(request.send().await.expect("the stack answers")).await
    }

    /// Posts it and asserts that it is accepted. Like the platform, retries several times if asked to.
    async fn accepted(&self, webhook: &Webhook) {
        let mut answer = self.post(webhook).await;
        for _ in 0..5 {
            if answer.status.is_server_error() || answer.status == self.platform.retry_status() {
                answer = self.post(webhook).await;
            }
        }
        assert_eq!((200, json!({"messageId": webhook.id})), (answer.status.as_u16(), answer.body));
    }

    /// Posts it and waits until it has been delivered.
    async fn delivered(&self, webhook: &Webhook) {
        self.accepted(webhook).await;
        self.service.wait_for(&webhook.id).await;
    }

    /// The texts that the messaging service has accepted, in order.
    fn texts(&self, customer: Option<&str>) -> Vec<String> {
        let accepted = self.service.accepted().into_iter();
        let own = accepted.filter(|attempt| customer.is_none_or(|customer| attempt.customer() == customer));
        own.map(|attempt| attempt.text().to_owned()).collect()
    }
}

async fn copies(platform: PlatformName) {
    let account = Account::new(platform).await;
    let webhook = account.text("c", "only once");
    join_all((0..20).map(|_| account.accepted(&webhook))).await;
    // The same customer's next message arrives after all copies.
    account.delivered(&account.text("c", "the next")).await;
    assert_eq!(vec!["only once", "the next"], account.texts(None));
}

async fn order(platform: PlatformName) {
    let account = Account::with_handler(platform, |attempt, before| {
        let fails = attempt.customer() == "c-0" && attempt.text() == "0" && before < 2;
        Reply::status(if fails { 503 } else { 200 })
    })
    .await;
    let customers = ["c-0", "c-1", "c-2"];
    for number in 0..5 {
        for customer in customers {
            account.accepted(&account.text(customer, &number.to_string())).await;
        }
    }
    account.service.wait_until(|_| account.service.accepted().len() == 15).await;
    for customer in customers {
        assert_eq!(vec!["0", "1", "2", "3", "4"], account.texts(Some(customer)), "{customer}");
    }
}

async fn refusals(platform: PlatformName) {
    let account = Account::new(platform).await;
    let good = account.text("c", "forged");
    let forged = account.signed(good.id.clone(), good.body.clone(), 1);
    account.post(&forged).await.assert_problem(401, "invalid-signature");
    let changed = Webhook { body: [good.body.as_slice(), b" "].concat(), ..account.text("c", "changed") };
    account.post(&changed).await.assert_problem(401, "invalid-signature");
    let unsigned = Webhook { headers: Vec::new(), ..good };
    account.post(&unsigned).await.assert_problem(401, "invalid-signature");
    let (id, foreign) = account.body("another", "c", "of another integration");
    let foreign = account.signed(id, foreign.to_string().into_bytes(), 0);
    account.post(&foreign).await.assert_problem(403, "wrong-integration");
    let broken = account.signed("broken".to_owned(), b"{".to_vec(), 0);
    account.post(&broken).await.assert_problem(400, "invalid-body");
    account.delivered(&account.text("c", "good")).await;
    assert_eq!(vec!["good"], account.texts(None));
}

async fn faults(platform: PlatformName) {
    let account = Account::with_handler(platform, |attempt, before| {
        Reply::status(match attempt.text() {
            "refused" => 422,
            "later" if before == 0 => 503,
            _ => 200,
        })
    })
    .await;
    account.accepted(&account.text("c", "refused")).await;
    account.accepted(&account.text("c", "later")).await;
    account.delivered(&account.text("c", "good")).await;
    let attempts = account.service.attempts();
    let texts: Vec<_> = attempts.iter().map(Attempt::text).collect();
    assert_eq!(vec!["refused", "later", "later", "good"], texts);
    assert_eq!(attempts[1].id, attempts[2].id, "a repeat has the same id");
    assert_eq!(Outcome::Failed, account.stack.settled(&account.integration, &attempts[0].id).await.outcome);
}

async fn replays(platform: PlatformName) {
    let account = Account::with_handler(platform, |_, before| Reply::status(if before == 0 { 422 } else { 200 })).await;
    let webhook = account.text("c", "refused");
    account.accepted(&webhook).await;
    let replay = Command::new(&["--json", "failed", "replay", "--yes"]);
    let replay = replay.with(&["--integration", account.integration.name.as_str()]);
    let _alone = FAILED_MESSAGES.lock().await;
    let deadline = Instant::now() + WAIT_TIMEOUT;
    // It is parked a moment after it was refused.
    while replay.clone().run().await.succeeded().json()["replayed"] != 1 {
        assert!(Instant::now() < deadline, "there is nothing to replay");
    }
    account.service.wait_for(&webhook.id).await;
    let attempts = account.service.attempts();
    assert_eq!((2, &attempts[0].id, &attempts[0].raw), (attempts.len(), &attempts[1].id, &attempts[1].raw));
}

async fn rotation(platform: PlatformName) {
    let account = Account::new(platform).await;
    let mut sent = Vec::new();
    // Each step is one write by the operator. The platform then signs with the key that it has at that time.
    for (trusted, signer) in [([0].as_slice(), 0), (&[1, 0], 0), (&[1, 0], 1), (&[1], 1)] {
        account.integration.configure(&account.trusting(trusted)).await;
        for _ in 0..2 {
            let (id, body) = account.body(&account.integration.integration_id, "c", "hello");
            let webhook = account.signed(id, body.to_string().into_bytes(), signer);
            account.accepted(&webhook).await;
            sent.push(webhook.id);
        }
    }
    account.service.wait_for(sent.last().expect("messages")).await;
    let delivered: Vec<_> = account.service.attempts().iter().map(|attempt| attempt.message_id().to_owned()).collect();
    assert_eq!(sent, delivered);
}

/// What a customer's message may have, and which platforms have a place for it.
async fn unsupported_members(platform: PlatformName) {
    use PlatformName::{GenesysCloud, HighLevel, MulticloudCx};
    let account = Account::new(platform).await;
    let file = |member: &str, value: Value| json!({"attachment": {"url": "https://example.com/a.png", "mime": "image/png", member: value}});
    for (pointer, members, supported) in [
        ("/email", json!({"email": {"subject": "s"}}), [MulticloudCx, HighLevel].as_slice()),
        ("/email/from", json!({"email": {"subject": "s", "from": "ada@example.com"}}), &[HighLevel]),
        ("/call", json!({"call": {"to": "1", "from": "2", "status": "busy"}}), &[HighLevel]),
        ("/conversationId", json!({"conversationId": "c"}), &[HighLevel]),
        ("/channel", json!({"channel": "SMS"}), &[MulticloudCx, HighLevel]),
        ("/customAttributes", json!({"customAttributes": {"a": "b"}}), &[GenesysCloud]),
        ("/metadata", json!({"metadata": {"a": "b"}}), &[GenesysCloud]),
        ("/prefetchConversationId", json!({"prefetchConversationId": true}), &[GenesysCloud]),
        ("/attachment/text", file("text", json!("t")), &[GenesysCloud, MulticloudCx, HighLevel]),
        ("/attachment/thumbnail", file("thumbnail", json!({"url": "https://example.com/t.png"})), &[GenesysCloud]),
    ] {
        let mut body = json!({"messageId": pointer, "from": {"id": "c"}, "text": "t"});
        body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        let answer = Request::new(&body).signed().post(&account.stack, &account.integration, "inbound/messages").await;
        let named = answer.body["errors"].as_array().into_iter().flatten();
        let is_refused = named.filter(|error| error["pointer"] == pointer).count() == 1;
        assert_eq!(!supported.contains(&platform), is_refused, "{pointer}: {:?}", answer.body);
    }
    // HighLevel's own tests have all of these.
    let others = match platform {
        GenesysCloud => json!([
            ["agentless", "/channel", {"toAddress": "c", "textBody": "t", "channel": "SMS"}],
            ["agentless", "/attachments", {"toAddress": "c", "attachments": [{"url": "https://example.com/a.png"}]}],
            ["inbound/events", "/visitorId", {"eventType": "Typing", "from": {"id": "c"}, "visitorId": "v"}],
            ["receipts", "/emailMessageId",
                {"messageId": "m", "emailMessageId": "e", "to": {"id": "c"}, "status": "delivered"}],
        ]),
        MulticloudCx => json!([
            ["receipts", "/emailMessageId",
                {"messageId": "m", "emailMessageId": "e", "to": {"id": "c"}, "status": "delivered"}],
        ]),
        HighLevel => json!([]),
    };
    for other in others.as_array().expect("a list") {
        let (route, pointer) = (other[0].as_str().expect("a route"), &other[1]);
        let answer = Request::new(&other[2]).signed().post(&account.stack, &account.integration, route).await;
        answer.assert_problem(400, "invalid-body");
        assert_eq!(pointer, &answer.body["errors"][0]["pointer"], "{:?}", answer.body);
    }
}

/// Makes a test of each scenario for each platform.
macro_rules! on_every_platform {
    ($($platform:ident in $module:ident),+: $scenarios:tt) => {
        $(mod $module {
            use super::*;
            scenarios! { $platform $scenarios }
        })+
    };
}

macro_rules! scenarios {
    ($platform:ident { $($name:ident: $scenario:ident;)+ }) => {
        $(#[tokio::test]
        async fn $name() {
            $scenario(PlatformName::$platform).await;
        })+
    };
}

on_every_platform! {
    GenesysCloud in on_genesys_cloud, MulticloudCx in on_multicloud_cx, HighLevel in on_highlevel: {
        twenty_copies_of_a_webhook_are_delivered_once: copies;
        each_customers_messages_arrive_in_order_while_one_customers_fail_and_recover: order;
        what_is_forged_changed_unsigned_foreign_or_broken_is_refused: refusals;
        what_is_refused_is_settled_and_what_fails_is_repeated_under_the_same_id: faults;
        what_was_refused_is_replayed_under_the_same_id: replays;
        a_webhook_secret_is_rotated_without_a_refused_message: rotation;
        members_that_the_platform_has_no_place_for_are_refused_by_name: unsupported_members;
    }
}
