//! The steps of a conversation: what each side does, and what the other side gets of it.

use crate::text;
use data_encoding::BASE64;
use demo::telephone::Telephone;
use serde_json::{Value, json};
use std::error::Error;
use std::time::{Duration, Instant};
use tests::harness::caller::Request;
use tests::harness::sample_service::SampleService;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::api::{Call, Conversation, GenesysCloud, Shown, State};
use tests::simulators::telephone::Kind;
use url::Url;

pub(crate) const QUESTION: &str = "Where is my parcel?";
pub(crate) const ANSWER: &str = "On its way, Ada. When may it come?";

/// The picture that the agent sends.
const PICTURE: &[u8] = include_bytes!("../../tests/fixtures/parcel.png");

/// What the customer has.
pub(crate) enum Side<'s> {
    /// The page of the sample messaging service.
    Service(&'s SampleService),
    /// A provider of messages, without a messaging service between.
    Telephone(&'s Telephone),
}

/// A conversation, and whether everything has succeeded so far.
pub(crate) struct Show<'s> {
    pub(crate) stack: &'s Stack,
    pub(crate) integration: &'s TestIntegration,
    pub(crate) platform: &'s GenesysCloud,
    pub(crate) side: Side<'s>,
    pub(crate) customer: &'s str,
    /// Who the customer is in the printed rows.
    pub(crate) name: &'s str,
    pub(crate) good: bool,
}

pub(crate) fn print_head(what: &str) {
    println!("{what}\n\n  {:<10} {:<31} {:<9} the other side received", "who", "action", "response");
    println!("  {}", "─".repeat(110));
}

/// A short form of a platform call.
fn in_short(call: &Call) -> String {
    let word = |pointer| text(&call.body, pointer);
    match call.operation {
        "agent-typing" => "typing".to_owned(),
        "end-conversation" => "all are disconnected".to_owned(),
        "agent-message" if call.body.get("mediaIds").is_some() => "a file".to_owned(),
        "structured-response" => format!("{} {}", word("/buttonResponse/type"), word("/buttonResponse/payload")),
        "inbound-message" => word("/text").to_owned(),
        _ => in_a_line(word("/textBody")),
    }
}

fn in_a_line(text: &str) -> String {
    text.replace("\n\n", "\n").replace('\n', " · ")
}

impl Side<'_> {
    fn url(&self) -> &str {
        match self {
            Self::Service(service) => &service.url,
            Self::Telephone(telephone) => &telephone.url,
        }
    }

    /// What the customer got, in order.
    pub(crate) async fn received(&self, customer: &str) -> Vec<Value> {
        match self {
            Self::Service(service) => {
                let deliveries = service.deliveries().await.into_iter();
                let deliveries = deliveries.filter_map(|mut delivery| delivery.get_mut("delivery").map(Value::take));
                let is_own = |delivery: &Value| {
                    ["/data/to/id", "/data/from/id"].map(|id| text(delivery, id)).contains(&customer)
                };
                deliveries.filter(is_own).collect()
            }
            Self::Telephone(telephone) => {
                let entries = telephone.provider.chat(customer).into_iter();
                entries.filter(|entry| entry.kind == Kind::Received).map(|entry| json!(entry)).collect()
            }
        }
    }

    pub(crate) fn text<'v>(&self, received: &'v Value) -> &'v str {
        match self {
            Self::Service(_) => text(received, "/data/text"),
            Self::Telephone(_) => text(received, "/text"),
        }
    }

    /// A short form of what the customer got.
    fn in_short(&self, received: &Value) -> String {
        match self {
            Self::Service(_) => text(received, "/type").to_owned(),
            Self::Telephone(_) => {
                let all = |list: &str, member: &str| {
                    let of_each = |one: &Value| format!("[{}]", text(one, member));
                    received[list].as_array().into_iter().flatten().map(of_each).collect::<Vec<_>>()
                };
                let parts = [vec![in_a_line(self.text(received))], all("files", "/mediaType"), all("buttons", "/text")];
                parts.concat().into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

impl Show<'_> {
    pub(crate) fn row(&mut self, who: &str, what: &str, answered: &str, as_expected: bool, got: &str) {
        let mark = if as_expected { "✓" } else { "✗" };
        println!("{mark} {who:<10} {what:<31} {answered:<9} {got}");
        self.good &= as_expected;
    }

    pub(crate) fn conversation(&self) -> Result<Conversation, &'static str> {
        self.platform.conversation(self.customer).ok_or("the customer's message opened no conversation")
    }

    /// Posts to a caller endpoint.
    pub(crate) async fn post(&mut self, what: &str, route: &str, body: &Value) -> Value {
        self.posted("company", what, route, body).await
    }

    /// An agent acts through the company's system.
    pub(crate) async fn agent(&mut self, conversation: &Conversation, route: &str, body: &Value, what: &str) {
        let Conversation { conversation_id, communication_id, .. } = conversation;
        let route = format!("conversations/{conversation_id}/communications/{communication_id}/{route}");
        self.posted("agent", what, &route, body).await;
    }

    /// An agent writes, and the customer gets it.
    pub(crate) async fn agent_writes(&mut self, conversation: &Conversation, words: &str) {
        self.agent(conversation, "messages", &json!({"textBody": words}), "writes").await;
        self.arrives("platform", "hands that on", |side, received| side.text(received) == words).await;
    }

    /// An agent sends a picture.
    pub(crate) async fn agent_sends_a_picture(&mut self, conversation: &Conversation) {
        let picture = json!({"content": BASE64.encode(PICTURE), "fileName": "parcel.png", "contentType": "image/png"});
        self.agent(conversation, "messages", &json!({ "media": picture }), "sends a picture").await;
    }

    /// A system of the company sends a card with this title, line and actions. Returns the id of its message.
    pub(crate) async fn card(&mut self, title: &str, line: &str, actions: &Value) -> String {
        let card = json!({"title": title, "subtitle": line, "actions": actions});
        let sent = self.post("sends a card", "cards", &json!({"to": self.customer, "card": card})).await;
        text(&sent, "/id").to_owned()
    }

    /// The card with the days on which the parcel may come. The second one is an action of this type.
    pub(crate) async fn card_with_days(&mut self, second: &str) -> String {
        let actions = json!([
            {"type": "postBack", "title": "Tomorrow", "payload": {"day": "tomorrow"}},
            {"type": second, "title": "Next week", "payload": "Next week, please"},
            {"type": "openUrl", "title": "Follow it", "url": "https://example.com/parcels/12345"},
        ]);
        self.card("Your parcel", "12345, from Friday on", &actions).await
    }

    async fn posted(&mut self, who: &str, what: &str, route: &str, body: &Value) -> Value {
        let before = self.platform.calls().len();
        let answer = Request::new(body).signed().post(self.stack, self.integration, route).await;
        // Receipts of earlier messages may come at any time.
        let got = self.platform.calls().into_iter().skip(before).rfind(|call| call.operation != "receipt");
        let as_expected = answer.status.is_success() && got.is_some();
        let got = got.as_ref().map_or_else(|| answer.body.to_string(), in_short);
        self.row(who, what, &answer.status.as_u16().to_string(), as_expected, &got);
        answer.body
    }

    /// The customer acts on the page, and the platform gets what is expected of it.
    pub(crate) async fn customer_acts(
        &mut self,
        what: &str,
        action: &str,
        body: &Value,
        (operation, expected): (&str, &str),
    ) -> Result<(), Box<dyn Error>> {
        let before = self.platform.calls_of(operation).len();
        let mut url: Url = self.side.url().parse()?;
        url.path_segments_mut().map_err(|()| "the page has no path")?.extend(["customers", self.customer, action]);
        let request = self.stack.http.post(url).header("content-type", "application/json").body(body.to_string());
        let status = request.send().await?.status();
        let calls = self.platform.wait_for_calls_of(operation, before + 1).await;
        let got = calls.last().map(in_short).unwrap_or_default();
        self.row(self.name, what, &status.as_u16().to_string(), status.is_success() && got.contains(expected), &got);
        Ok(())
    }

    pub(crate) async fn customer_writes(&mut self, words: &str) -> Result<(), Box<dyn Error>> {
        self.customer_acts("writes", "messages", &json!({"text": words}), ("inbound-message", words)).await
    }

    /// Waits until the platform knows that every message to the customer is delivered.
    pub(crate) async fn receipts(&mut self, conversation: &Conversation) {
        let states = || {
            let entries = self.platform.transcript(conversation).entries.into_iter();
            let states = entries.filter_map(|entry| match entry.shown {
                Shown::Outbound { state, .. } => Some(state),
                Shown::Customer(_) | Shown::AgentJoined | Shown::Ended => None,
            });
            states.collect::<Vec<_>>()
        };
        let delivered = |state: &State| matches!(state, State::Receipt { status, .. } if status == "Delivered");
        let mut changes = self.platform.changes();
        let waiting = changes.wait_for(|_| states().iter().all(delivered));
        let all = tokio::time::timeout(crate::WAIT_TIMEOUT, waiting).await.is_ok();
        let states = states();
        let count = states.iter().filter(|state| delivered(state)).count();
        let got = format!("{count} of {} messages: Delivered", states.len());
        self.row("Patchbay", "posts the receipts", "", all, &got);
    }

    /// The text trace of a card must not reach the customer besides the card.
    pub(crate) async fn no_text_trace(&mut self) {
        let received = self.side.received(self.customer).await;
        let there = received.iter().any(|received| self.side.text(received).contains("[Tomorrow]"));
        self.row("platform", "passes the text trace on", "", !there, "nothing: it has the card");
    }

    /// Waits until the customer gets what is expected, and returns it.
    pub(crate) async fn arrives(
        &mut self,
        who: &str,
        what: &str,
        expected: impl Fn(&Side<'_>, &Value) -> bool,
    ) -> Option<Value> {
        let started = Instant::now();
        let there = loop {
            let received = self.side.received(self.customer).await;
            let there = received.into_iter().find(|received| expected(&self.side, received));
            if there.is_some() || started.elapsed() > crate::WAIT_TIMEOUT {
                break there;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let got = there.as_ref().map_or_else(|| "nothing".to_owned(), |received| self.side.in_short(received));
        self.row(who, what, "", there.is_some(), &got);
        there
    }
}
