//! What the function does with single events: it queues, drops or keeps them, or they return to their queue.

use super::fixture::{Story, types};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::lambda_host::LambdaHost;
use tests::simulators::genesys_cloud::events::{record, record_since};
use tests::simulators::messaging_service::WAIT_TIMEOUT;

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
