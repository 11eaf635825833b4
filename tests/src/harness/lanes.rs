//! The two lanes with queues and dispatchers of a test's own: other tests' messages do not wait on them, the test can kill
//! the dispatchers and hold their calls to AWS, and SQS sees as many messages as the test says.

use crate::harness::aws_proxy::{AwsProxy, Call};
use crate::harness::lambda_host::LambdaHost;
use crate::harness::stack::{Stack, TestIntegration};
use crate::simulators::genesys_cloud::Webhook;
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName,
    QueueAttributeName,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use shared::delivery::envelope::Envelope;
use shared::delivery::id::DeliveryId;
use shared::delivery::queue::MessageQueue;
use shared::platform::PlatformName;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

/// The function's timeout.
const TIME_ALLOWED: Duration = Duration::from_secs(25);
/// Longer than an invocation takes. What a killed dispatcher has received is made visible at once.
const VISIBILITY_SECONDS: &str = "35";
/// The tag that sets a queue's window: infra/local/emulator.py.
const WINDOW: &str = "window";
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How the lanes are set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// The number of dispatchers on the direct lane.
    pub direct: usize,
    /// The number of dispatchers on the retry lane. None: everything stays on one queue.
    pub retry: usize,
    /// Among how many messages of a queue SQS looks for a group.
    pub window: usize,
}

/// The queues and their dispatchers, which end when this is dropped.
pub struct OwnLanes {
    /// In front of all dispatchers.
    pub aws: AwsProxy,
    stack: Stack,
    queue_url: String,
    retry_queue_url: String,
    logs: Arc<Mutex<Vec<PathBuf>>>,
    kills: watch::Sender<usize>,
    killed: Arc<Semaphore>,
    workers: JoinSet<()>,
}

/// One of the concurrent batches of a queue, with a process of its own.
struct Worker {
    sqs: Client,
    queue_url: String,
    environment: Vec<(&'static str, String)>,
    logs: Arc<Mutex<Vec<PathBuf>>>,
    kills: watch::Receiver<usize>,
    killed: Arc<Semaphore>,
}

impl Setup {
    /// One dispatcher on each lane, and the window of SQS.
    pub const DEFAULT: Self = Self { direct: 1, retry: 1, window: 120_000 };
}

impl OwnLanes {
    pub async fn start(setup: Setup) -> Self {
        let (stack, aws) = (Stack::connect().await, AwsProxy::start().await);
        let queue_url = create_queue(&stack.sqs, "messages", setup.window).await;
        let retry_queue_url = match setup.retry {
            0 => queue_url.clone(),
            _ => create_queue(&stack.sqs, "retry", setup.window).await,
        };
        let mut lanes = Self {
            aws,
            stack,
            queue_url,
            retry_queue_url,
            logs: Arc::default(),
            kills: watch::Sender::default(),
            killed: Arc::new(Semaphore::new(0)),
            workers: JoinSet::new(),
        };
        for (queue_url, workers) in
            [(lanes.queue_url.clone(), setup.direct), (lanes.retry_queue_url.clone(), setup.retry)]
        {
            for _ in 0..workers {
                let worker = lanes.worker(queue_url.clone());
                lanes.workers.spawn(worker.run());
            }
        }
        lanes
    }

    fn worker(&self, queue_url: String) -> Worker {
        Worker {
            sqs: self.stack.sqs.clone(),
            queue_url,
            environment: vec![
                ("AWS_ENDPOINT_URL", self.aws.url.clone()),
                ("QUEUE_URL", self.queue_url.clone()),
                ("RETRY_QUEUE_URL", self.retry_queue_url.clone()),
                // A configuration that was corrected is read soon.
                ("CONFIGURATION_CACHE_SECONDS", "1".to_owned()),
            ],
            logs: Arc::clone(&self.logs),
            kills: self.kills.subscribe(),
            killed: Arc::clone(&self.killed),
        }
    }

    /// The direct lane, as the functions see it.
    #[must_use]
    pub fn queue(&self) -> MessageQueue {
        MessageQueue::new(self.stack.sqs.clone(), self.queue_url.clone())
    }

    /// Sends a message of Genesys Cloud to the direct lane, as the receiver does. Returns its sequence number.
    pub async fn send(&self, integration: &TestIntegration, webhook: &Webhook) -> String {
        self.send_received(integration, webhook, Timestamp::now()).await
    }

    /// Sends a message that was received at this time.
    pub async fn send_received(&self, integration: &TestIntegration, webhook: &Webhook, at: Timestamp) -> String {
        let envelope = Envelope::new(integration.name.clone(), PlatformName::GenesysCloud, at, &webhook.body);
        let envelope = envelope.expect("the webhook is JSON");
        let message = envelope.message().expect("a message");
        let sent = self
            .stack
            .sqs
            .send_message()
            .queue_url(&self.queue_url)
            .message_group_id(message.ordering_group(&integration.name).as_str())
            .message_deduplication_id(DeliveryId::new(&integration.name, &message).digest().as_str())
            .message_body(envelope.to_json().expect("JSON"))
            .send()
            .await;
        sent.expect("the message is sent").sequence_number.expect("a FIFO queue numbers its messages")
    }

    /// The copies sent to the retry lane among these calls.
    #[must_use]
    pub fn moved(&self, calls: &[Call]) -> Vec<Call> {
        let is_copy =
            |call: &&Call| call.operation == "SendMessage" && call.input["QueueUrl"] == self.retry_queue_url.as_str();
        calls.iter().filter(is_copy).cloned().collect()
    }

    /// Waits until `count` copies have been sent to the retry lane since the last `take_calls`, and returns them.
    pub async fn wait_for_moved(&self, count: usize) -> Vec<Call> {
        let calls = self.aws.wait_until(|calls| self.moved(calls).len() >= count).await;
        self.moved(&calls)
    }

    /// Waits until both lanes are empty: everything has been acknowledged.
    pub async fn wait_until_empty(&self) {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        while self.count(&self.queue_url).await + self.count(&self.retry_queue_url).await > 0 {
            assert!(Instant::now() < deadline, "messages are left on the lanes");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The number of messages on a queue, visible or in flight.
    async fn count(&self, queue_url: &str) -> usize {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let request = self.stack.sqs.get_queue_attributes().queue_url(queue_url);
        let attributes =
            request.set_attribute_names(Some(names.to_vec())).send().await.expect("the queue's attributes");
        let attributes = attributes.attributes.expect("attributes");
        names.iter().map(|name| attributes[name].parse::<usize>().expect("a number")).sum()
    }

    /// Kills all dispatchers. When this returns, all of them have ended, what they had received is visible, and others start.
    pub async fn kill_dispatchers(&self) {
        self.kills.send_modify(|kills| *kills += 1);
        let workers = u32::try_from(self.workers.len()).expect("a few workers");
        self.killed.acquire_many(workers).await.expect("workers").forget();
    }

    /// The log lines of the dispatchers that run.
    #[must_use]
    pub fn log_lines(&self) -> Vec<Value> {
        let logs = self.logs.lock().expect("no panic").clone();
        let logs = logs.iter().filter_map(|log| std::fs::read_to_string(log).ok());
        logs.flat_map(|log| log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<_>>())
            .collect()
    }

    /// The log lines about the integration that have this outcome.
    #[must_use]
    pub fn lines(&self, integration: &TestIntegration, outcome: &str) -> Vec<Value> {
        let is_wanted = |line: &Value| line["integration"] == integration.name.as_str() && line["outcome"] == outcome;
        self.log_lines().into_iter().filter(is_wanted).collect()
    }

    /// Waits until there are `count` log lines about the integration with this outcome, and returns them.
    pub async fn wait_for_lines(&self, integration: &TestIntegration, outcome: &str, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let lines = self.lines(integration, outcome);
            if lines.len() >= count {
                return lines;
            }
            assert!(Instant::now() < deadline, "there are only {} lines with outcome {outcome}", lines.len());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

async fn create_queue(sqs: &Client, name: &str, window: usize) -> String {
    let queue = sqs
        .create_queue()
        .queue_name(format!("{name}-{}.fifo", Uuid::new_v4()))
        .attributes(QueueAttributeName::FifoQueue, "true")
        .attributes(QueueAttributeName::VisibilityTimeout, VISIBILITY_SECONDS)
        .tags(WINDOW, window.to_string());
    queue.send().await.expect("the queue is created").queue_url.expect("a URL")
}

impl Worker {
    async fn run(mut self) {
        loop {
            self.kills.mark_unchanged();
            let environment: Vec<_> = self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let dispatcher = LambdaHost::start("message-dispatcher", &environment).await;
            self.logs.lock().expect("no panic").push(dispatcher.log_file().to_owned());
            let received = self.serve_until_killed(&dispatcher).await;
            dispatcher.kill().await;
            self.make_visible(&received).await;
            self.killed.add_permits(1);
        }
    }

    /// Passes batches to the dispatcher, as Lambda does. Returns what was received and not processed.
    async fn serve_until_killed(&mut self, dispatcher: &LambdaHost) -> Vec<Message> {
        while !self.kills.has_changed().expect("the test runs") {
            let messages = self.receive().await;
            if messages.is_empty() {
                continue;
            }
            let event = json!({"Records": messages.iter().map(|message| self.record(message)).collect::<Vec<_>>()});
            let answer = tokio::select! {
                biased;
                _ = self.kills.changed() => return messages,
                answer = dispatcher.invoke_within(TIME_ALLOWED, event) => answer,
            };
            let failures = answer["batchItemFailures"].as_array().unwrap_or_else(|| panic!("{answer}"));
            let failed: HashSet<_> = failures.iter().filter_map(|failure| failure["itemIdentifier"].as_str()).collect();
            self.delete(messages.iter().filter(|message| !failed.contains(message.message_id().unwrap_or_default())))
                .await;
        }
        Vec::new()
    }

    async fn receive(&self) -> Vec<Message> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        received.expect("the queue answers").messages.unwrap_or_default()
    }

    fn record(&self, message: &Message) -> Value {
        let attributes: Map<_, _> = message
            .attributes()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str().to_owned(), json!(value)))
            .collect();
        let message_attributes: Map<_, _> = message
            .message_attributes()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), json!({"stringValue": value.string_value(), "dataType": "String"})))
            .collect();
        let queue_name = self.queue_url.rsplit('/').next();
        json!({
            "messageId": message.message_id(),
            "receiptHandle": message.receipt_handle(),
            "body": message.body(),
            "attributes": attributes,
            "messageAttributes": message_attributes,
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:eu-central-1:000000000000:{}", queue_name.expect("a name")),
        })
    }

    async fn delete(&self, messages: impl Iterator<Item = &Message>) {
        let entry = |(index, message): (usize, &Message)| {
            let handle = message.receipt_handle().expect("a receipt handle");
            DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(handle).build()
        };
        let entries: Vec<_> = messages.enumerate().map(|message| entry(message).expect("an entry")).collect();
        if !entries.is_empty() {
            // A message that the function deleted itself is reported as failed, which does no harm.
            let request = self.sqs.delete_message_batch().queue_url(&self.queue_url).set_entries(Some(entries));
            request.send().await.expect("the queue answers");
        }
    }

    /// As after the visibility timeout.
    async fn make_visible(&self, messages: &[Message]) {
        let entry = |(index, message): (usize, &Message)| {
            let handle = message.receipt_handle().expect("a receipt handle");
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
            entry.receipt_handle(handle).visibility_timeout(0).build().expect("an entry")
        };
        if !messages.is_empty() {
            let entries = messages.iter().enumerate().map(entry).collect();
            let request =
                self.sqs.change_message_visibility_batch().queue_url(&self.queue_url).set_entries(Some(entries));
            request.send().await.expect("the queue answers");
        }
    }
}
