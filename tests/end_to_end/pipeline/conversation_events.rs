//! What happens to conversations, from the platform's event bus to the messaging service.

use crate::single_function::SingleFunction;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::ledger::{Channel, ConversationOwner};
use shared::model::conversation::CustomerAddress;
use shared::model::message::IdType;
use shared::platform::PlatformName;
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::lambda_host::LambdaHost;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::api::{AGENT, QUEUE};
use tests::simulators::genesys_cloud::events::{EventSource, Session, record, record_since};
use tests::simulators::genesys_cloud::{self, Webhook};
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply, WAIT_TIMEOUT};
use uuid::Uuid;

/// A customer's conversation in an integration, and the event source of its organisation.
struct Story {
    stack: Stack,
    service: MessagingService,
    integration: TestIntegration,
    source: EventSource,
    conversation_id: String,
    customer: String,
}

impl Story {
    async fn start() -> Self {
        Self::with(MessagingService::start().await).await
    }

    async fn with(service: MessagingService) -> Self {
        let stack = Stack::connect().await;
        let integration = stack.integration(&service.url, |_| {}).await;
        let source = EventSource::of(&stack);
        let (conversation_id, customer) = (Uuid::new_v4().to_string(), format!("customer-{}", Uuid::new_v4()));
        Self { stack, service, integration, source, conversation_id, customer }
    }

    fn session(&self) -> Session {
        Session::new(&self.conversation_id)
    }

    /// A message of the agent, whose webhook names the conversation.
    fn message(&self) -> Webhook {
        let mut webhook = genesys_cloud::text(&self.integration, &self.customer, "hello").json();
        webhook["conversationId"] = self.conversation_id.clone().into();
        webhook["channel"]["to"]["idType"] = "Email".into();
        Webhook::new(webhook.to_string())
    }

    /// The agent has written: it is known whose conversation it is.
    async fn agent_writes(&self) {
        let message = self.message();
        message.accepted(&self.stack, &self.integration).await;
        self.service.wait_for(&message.id()).await;
    }

    /// The accepted deliveries of events, once there are this many.
    async fn events(&self, count: usize) -> Vec<Value> {
        let is_event = |attempt: &&Attempt| attempt.body["data"].get("sessionId").is_some();
        let accepted = |attempt: &&Attempt| attempt.answered.is_success() && is_event(attempt);
        let enough = |attempts: &[Attempt]| attempts.iter().filter(accepted).count() >= count;
        let attempts = self.service.wait_until(enough).await;
        attempts.iter().filter(accepted).map(|attempt| attempt.body.clone()).collect()
    }
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_agent_joins_leaves_and_the_conversation_ends() {
    let story = Story::start().await;
    story.agent_writes().await;
    let (agent, customer, now) = (story.session(), story.session(), Timestamp::now());
    let start = story.source.event("user.start", &agent, now, &json!({}));
    story.source.put(std::slice::from_ref(&start)).await;
    story.events(1).await;
    let left = json!({"disconnectType": "CLIENT", "interactingDurationMs": 5000, "alertingDurationMs": 700});
    story.source.put(&[story.source.event("user.end", &agent, now, &left)]).await;
    story.events(2).await;
    story.source.put(&[story.source.event("customer.end", &customer, now, &json!({"disconnectType": "PEER"}))]).await;
    let events = story.events(3).await;
    assert_eq!(vec!["agent.joined", "agent.left", "conversation.ended"], types(&events));

    let data = &events[0]["data"];
    assert_eq!(
        json!([
            story.integration.name.as_str(), "genesys-cloud", story.conversation_id, "Outbound", "sent",
            {"id": story.customer, "idType": "Email"}, agent.session_id, agent.participant_id, AGENT, QUEUE,
        ]),
        json!([
            data["integration"],
            data["platform"],
            data["conversationId"],
            data["direction"],
            data["intent"],
            data["to"],
            data["sessionId"],
            data["participantId"],
            data["userId"],
            data["queueId"],
        ])
    );
    assert_eq!(now.as_millisecond(), data["time"].as_str().unwrap().parse::<Timestamp>().unwrap().as_millisecond());
    assert_eq!(
        (start["detail"].clone(), &start["source"]),
        (data["original"]["detail"].clone(), &data["original"]["source"])
    );
    assert_eq!(None, data.get("fallbackText"), "nothing to send to the customer");
    assert_eq!(
        (json!("CLIENT"), json!("PEER")),
        (events[1]["data"]["reason"].clone(), events[2]["data"]["reason"].clone())
    );
}

#[tokio::test]
async fn an_agent_who_is_alerted_and_never_answers_joins_and_leaves() {
    let story = Story::start().await;
    story.agent_writes().await;
    let (session, now) = (story.session(), Timestamp::now());
    story.source.put(&[story.source.event("user.start", &session, now, &json!({}))]).await;
    story.events(1).await;
    let unanswered = json!({"disconnectType": "NO_ANSWER_TRANSFER", "alertingDurationMs": 12_000});
    story.source.put(&[story.source.event("user.end", &session, now, &unanswered)]).await;
    let events = story.events(2).await;
    assert_eq!(vec!["agent.joined", "agent.left"], types(&events));
    let ended = &events[1]["data"];
    assert_eq!((&json!(session.session_id), &json!("NO_ANSWER_TRANSFER")), (&ended["sessionId"], &ended["reason"]));
}

#[tokio::test]
async fn an_event_that_comes_twice_is_delivered_once() {
    let story = Story::start().await;
    story.agent_writes().await;
    let (session, now) = (story.session(), Timestamp::now());
    let copy = || story.source.event("user.start", &session, now, &json!({}));
    let copies = [copy(), copy(), copy()];
    assert_ne!(copies[0]["id"], copies[1]["id"], "the envelope's id differs");
    story.source.put(&copies).await;
    story.events(1).await;
    story.source.put(&[copy(), story.source.event("customer.end", &story.session(), now, &json!({}))]).await;
    assert_eq!(vec!["agent.joined", "conversation.ended"], types(&story.events(2).await));
}

#[tokio::test]
async fn a_transfer_is_reported_and_a_late_end_names_the_session_that_it_ends() {
    let story = Story::start().await;
    story.agent_writes().await;
    let (first, second, now) = (story.session(), story.session(), Timestamp::now());
    let later = now + SignedDuration::from_millis(175);
    story.source.put(&[story.source.event("user.start", &second, now, &json!({}))]).await;
    story.events(1).await;
    // As the vendor reports: the start of the next session is stamped before the end of the last one.
    let transferred = json!({"disconnectType": "TRANSFER", "interactingDurationMs": 5000});
    story.source.put(&[story.source.event("user.end", &first, later, &transferred)]).await;
    let events = story.events(2).await;
    assert_eq!(vec!["agent.joined", "conversation.transferred"], types(&events));
    let sessions: Vec<_> = events.iter().map(|event| event["data"]["sessionId"].clone()).collect();
    assert_eq!(vec![json!(second.session_id), json!(first.session_id)], sessions);
    assert_eq!("TRANSFER", events[1]["data"]["reason"]);
}

#[tokio::test]
async fn an_event_waits_for_the_message_that_names_its_customer() {
    let story = Story::start().await;
    story.source.put(&[story.source.event("user.start", &story.session(), Timestamp::now(), &json!({}))]).await;
    let message = story.message();
    message.accepted(&story.stack, &story.integration).await;
    let events = story.events(1).await;
    assert_eq!((vec!["agent.joined"], &json!(story.customer)), (types(&events), &events[0]["data"]["to"]["id"]));
}

#[tokio::test]
async fn the_addresses_of_the_customers_session_name_the_customer_too() {
    let story = Story::start().await;
    // Another customer's message has named the channel of the integration.
    let other = genesys_cloud::text(&story.integration, "another-customer", "hello");
    other.accepted(&story.stack, &story.integration).await;
    story.service.wait_for(&other.id()).await;
    let addresses = json!({"addressTo": story.integration.integration_id, "addressFrom": story.customer});
    let now = Timestamp::now();
    story.source.put(&[story.source.event("customer.start", &story.session(), now, &addresses)]).await;
    story.source.put(&[story.source.event("user.start", &story.session(), now, &json!({}))]).await;
    let events = story.events(1).await;
    assert_eq!((vec!["agent.joined"], &json!(story.customer)), (types(&events), &events[0]["data"]["to"]["id"]));
}

#[tokio::test]
async fn a_refused_event_is_not_in_the_way_of_the_customers_next_message() {
    let service = MessagingService::with_handler(|attempt, _| {
        Reply::status(if attempt.body["type"] == "agent.joined" { 422 } else { 200 })
    });
    let story = Story::with(service.await).await;
    story.agent_writes().await;
    let session = story.session();
    story.source.put(&[story.source.event("user.start", &session, Timestamp::now(), &json!({}))]).await;
    story.source.put(&[story.source.event("user.end", &session, Timestamp::now(), &json!({}))]).await;
    assert_eq!(vec!["agent.left"], types(&story.events(1).await));
    story.agent_writes().await;
}

/// A single process of the function, behind a proxy in front of the emulated AWS.
struct Function {
    story: Story,
    aws: AwsProxy,
    host: LambdaHost,
}

impl Function {
    async fn start() -> Self {
        let story = Story::start().await;
        let aws = AwsProxy::start().await;
        let host = Self::host(&story, &aws).await;
        Self { story, aws, host }
    }

    async fn host(story: &Story, aws: &AwsProxy) -> LambdaHost {
        let environment = [
            ("AWS_ENDPOINT_URL", aws.url.as_str()),
            ("EVENT_QUEUE_URL", &story.stack.event_queue_url),
            ("EVENT_DEAD_LETTER_QUEUE_URL", &story.stack.event_dead_letter_queue_url),
            ("EVENT_SOURCE", &story.stack.event_source),
        ];
        LambdaHost::start("conversation-events", &environment).await
    }

    /// Handles a batch. Returns the ids of the records that return to the queue.
    async fn handle(&self, records: &[Value]) -> Vec<Value> {
        let answer = self.host.invoke(json!({ "Records": records })).await;
        let failures = answer["batchItemFailures"].as_array().unwrap_or_else(|| panic!("{answer}"));
        failures.iter().map(|failure| failure["itemIdentifier"].clone()).collect()
    }

    fn event(&self, kind: &str, more: &Value) -> Value {
        self.story.source.event(kind, &self.story.session(), Timestamp::now(), more)
    }
}

#[tokio::test]
async fn what_is_not_ours_is_dropped_without_a_call() {
    let function = Function::start().await;
    let mut foreign = function.event("user.start", &json!({}));
    foreign["source"] = "aws.partner/genesys.com/cloud/another/organisation".into();
    let dropped = [
        foreign,
        function.event("user.start", &json!({"mediaType": "VOICE"})),
        function.event("user.start", &json!({"messageType": "SMS"})),
        function.event("acw", &json!({})),
    ];
    let records: Vec<_> = dropped.iter().map(|event| record(&event.to_string(), 1)).collect();
    assert_eq!(Vec::<Value>::new(), function.handle(&records).await);
    assert!(function.aws.take_operations().is_empty());
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_kept_in_the_dead_letter_queue() {
    let function = Function::start().await;
    let mut without_topic = function.event("user.start", &json!({}));
    without_topic["detail-type"] = "v2.audits".into();
    without_topic["detail"]["topicName"] = Value::Null;
    let session = function.event("user.start", &json!({"sessionId": null})).to_string();
    let malformed = [without_topic.to_string(), session, "{".to_owned()];
    let records: Vec<_> = malformed.iter().map(|body| record(body, 1)).collect();
    assert_eq!(Vec::<Value>::new(), function.handle(&records).await);
    let calls = function.aws.take_calls();
    let sent: Vec<_> = calls.iter().map(|call| (&call.input["QueueUrl"], &call.input["MessageBody"])).collect();
    let dead_letters = json!(function.story.stack.event_dead_letter_queue_url);
    let bodies = malformed.map(Value::from);
    assert_eq!(bodies.iter().map(|body| (&dead_letters, body)).collect::<Vec<_>>(), sent);
    // Only then is it acknowledged.
    function.aws.fail_operation("SendMessage");
    assert_eq!(vec![records[0]["messageId"].clone()], function.handle(&records[..1]).await);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_goes_from_the_event_bus_to_the_dead_letter_queue() {
    let story = Story::start().await;
    let malformed = story.source.event("user.start", &story.session(), Timestamp::now(), &json!({"sessionId": null}));
    story.source.put(&[malformed]).await;
    let (sqs, url) = (&story.stack.sqs, &story.stack.event_dead_letter_queue_url);
    let is_ours = |body: Option<&str>| body.is_some_and(|body| body.contains(&story.conversation_id));
    let found = async {
        loop {
            // Other tests have events there, which stay visible.
            let received = sqs.receive_message().queue_url(url).max_number_of_messages(10).visibility_timeout(0);
            let received = received.wait_time_seconds(1).send().await.unwrap().messages.unwrap_or_default();
            if let Some(message) = received.into_iter().find(|message| is_ours(message.body())) {
                break message;
            }
        }
    };
    let found = tokio::time::timeout(WAIT_TIMEOUT, found).await.expect("it is in the dead-letter queue");
    sqs.delete_message().queue_url(url).receipt_handle(found.receipt_handle().unwrap()).send().await.unwrap();
}

#[tokio::test]
async fn the_rule_takes_only_conversation_events_of_messages_from_its_event_source() {
    let story = Story::start().await;
    let event = |more: Value| story.source.event("user.start", &story.session(), Timestamp::now(), &more);
    assert!(story.source.rule_takes(&event(json!({}))).await);
    let mut others = [event(json!({"mediaType": "VOICE"})), event(json!({})), event(json!({}))];
    others[1]["source"] = "aws.partner/genesys.com/cloud/another/organisation".into();
    others[2]["detail-type"] = "v2.audits".into();
    for other in others {
        assert!(!story.source.rule_takes(&other).await, "{other}");
    }
}

#[tokio::test]
async fn an_event_of_no_known_conversation_returns_to_the_queue_and_is_dropped_in_the_end() {
    let function = Function::start().await;
    let event = function.event("user.start", &json!({})).to_string();
    let since = |minutes| Timestamp::now() - SignedDuration::from_mins(minutes);
    let (new, waiting) = (record(&event, 3), record_since(&event, 40, since(9)));
    let returned = function.handle(&[new.clone(), waiting.clone(), record_since(&event, 2, since(11))]).await;
    assert_eq!(vec![new["messageId"].clone(), waiting["messageId"].clone()], returned);
    let calls = function.aws.take_calls();
    let set = calls.iter().find(|call| call.operation == "ChangeMessageVisibilityBatch").unwrap();
    let entries = set.input["Entries"].as_array().unwrap().iter();
    let delays: Vec<_> = entries.map(|entry| entry["VisibilityTimeout"].as_u64().unwrap()).collect();
    let [early, late] = delays[..] else { panic!("{delays:?}") };
    assert!((4..=8).contains(&early) && (32..=64).contains(&late), "{delays:?}");
    assert!(calls.iter().all(|call| call.operation != "SendMessage"));
}

#[tokio::test]
async fn a_batch_is_queued_in_the_order_of_the_platforms_times() {
    let function = Function::start().await;
    function.story.agent_writes().await;
    let (session, now) = (function.story.session(), Timestamp::now());
    let event = |kind: &str, milliseconds: i64| {
        let at = now + SignedDuration::from_millis(milliseconds);
        record(&function.story.source.event(kind, &session, at, &json!({})).to_string(), 1)
    };
    let records = [event("customer.end", 3), event("user.end", 2), event("user.start", 1)];
    assert_eq!(Vec::<Value>::new(), function.handle(&records).await);
    let events = function.story.events(3).await;
    assert_eq!(vec!["agent.joined", "agent.left", "conversation.ended"], types(&events));
}

#[tokio::test]
async fn while_the_ledger_or_the_queue_is_unavailable_the_event_returns_to_the_queue() {
    for operation in ["GetItem", "SendMessage"] {
        let function = Function::start().await;
        function.story.agent_writes().await;
        let record = record(&function.event("user.start", &json!({})).to_string(), 1);
        function.aws.fail_operation(operation);
        let returned = function.handle(std::slice::from_ref(&record)).await;
        assert_eq!(vec![record["messageId"].clone()], returned, "{operation}");
        function.aws.restore();
        // On a busy machine a call may time out.
        while !function.handle(std::slice::from_ref(&record)).await.is_empty() {}
        assert_eq!(vec!["agent.joined"], types(&function.story.events(1).await));
    }
}

#[tokio::test]
async fn an_event_in_flight_in_a_killed_function_is_delivered_once_by_another_one() {
    let mut function = Function::start().await;
    function.story.agent_writes().await;
    let joined = record(&function.event("user.start", &json!({})).to_string(), 1);
    function.aws.hold("SendMessage");
    tokio::select! {
        returned = function.handle(std::slice::from_ref(&joined)) => panic!("{returned:?}"),
        () = function.aws.wait_for("SendMessage") => {}
    }
    let successor = Function::host(&function.story, &function.aws).await;
    // Dropping the host kills the process. Its record was not deleted, and another process receives it.
    drop(std::mem::replace(&mut function.host, successor));
    function.aws.restore();
    assert_eq!(Vec::<Value>::new(), function.handle(std::slice::from_ref(&joined)).await);
    let ended = record(&function.event("customer.end", &json!({})).to_string(), 1);
    assert_eq!(Vec::<Value>::new(), function.handle(&[ended]).await);
    assert_eq!(vec!["agent.joined", "conversation.ended"], types(&function.story.events(2).await));
}

#[tokio::test]
async fn an_integration_that_is_connected_again_under_another_name_gets_the_events_of_its_conversations() {
    let story = Story::start().await;
    story.agent_writes().await;
    let (name, service) = (format!("test-{}", Uuid::new_v4()), MessagingService::start().await);
    let id = &story.integration.integration_id;
    let integration = story.stack.integration_named(&name, id, &service.url, |_| {}).await;
    let Story { service: former, .. } = &story;
    let again = Story {
        stack: story.stack.clone(),
        service,
        integration,
        source: story.source.clone(),
        conversation_id: story.conversation_id.clone(),
        customer: story.customer.clone(),
    };
    again.agent_writes().await;
    again.source.put(&[again.source.event("user.start", &again.session(), Timestamp::now(), &json!({}))]).await;
    assert_eq!(vec!["agent.joined"], types(&again.events(1).await));
    assert_eq!(1, former.attempts().len());
}

#[tokio::test]
async fn an_integration_cannot_take_the_conversation_of_another_one() {
    let story = Story::start().await;
    story.agent_writes().await;
    let intruder = Story { conversation_id: story.conversation_id.clone(), ..Story::start().await };
    intruder.agent_writes().await;
    story.source.put(&[story.source.event("user.start", &story.session(), Timestamp::now(), &json!({}))]).await;
    assert_eq!(vec!["agent.joined"], types(&story.events(1).await));
    let to_intruder = intruder.service.accepted();
    assert!(to_intruder.iter().all(|attempt| attempt.body["type"] == "message.text"), "{to_intruder:?}");
}

#[tokio::test]
async fn the_owner_of_a_conversation_changes_only_within_its_channel_and_as_a_whole() {
    let story = Story::start().await;
    let (ledger, now) = (story.stack.ledger(), Timestamp::now());
    let owner = |integration: &str, id: &str, id_type: Option<IdType>| {
        let customer = CustomerAddress { id: id.to_owned(), id_type };
        ConversationOwner { integration: integration.parse().unwrap(), customer }
    };
    let (first, other) = (owner("first", "ada", Some(IdType::Email)), owner("other", "eve", Some(IdType::Email)));
    let renamed = owner("renamed", "ada-2", None);
    let channel = |id| Channel { platform: PlatformName::GenesysCloud, id };
    for (id, set, expected) in
        [("c-1", &first, &first), ("c-2", &other, &first), ("c-1", &renamed, &renamed), ("C-1", &first, &first)]
    {
        ledger.set_conversation_owner(channel(id), &story.conversation_id, set, now).await.unwrap();
        let found = ledger.conversation_owner(PlatformName::GenesysCloud, &story.conversation_id).await.unwrap();
        assert_eq!(Some(expected), found.as_ref());
    }
}

/// The keys that the dispatcher writes for two messages of a conversation, beside those of the deliveries.
async fn owners_written(environment: &[(&str, &str)]) -> Vec<String> {
    let service = MessagingService::start().await;
    let dispatcher = SingleFunction::with_environment(service, "message-dispatcher", environment).await;
    for _ in 0..2 {
        assert!(dispatcher.dispatch(&dispatcher.text()).await.is_empty());
    }
    let calls = dispatcher.aws.take_calls().into_iter().filter(|call| call.operation == "UpdateItem");
    let keys = calls.map(|call| call.input["Key"]["key"]["S"].as_str().unwrap().to_owned());
    let mut keys: Vec<_> = keys.filter(|key| !key.starts_with("delivery#")).collect();
    keys.iter_mut().for_each(|key| key.truncate(key.find('#').unwrap()));
    keys.sort();
    keys
}

#[tokio::test]
async fn a_process_writes_whose_a_conversation_is_once_and_only_with_an_event_source() {
    assert_eq!(vec!["channel", "conversation"], owners_written(&[("CONVERSATION_EVENTS", "on")]).await);
    assert_eq!(Vec::<String>::new(), owners_written(&[]).await);
}
