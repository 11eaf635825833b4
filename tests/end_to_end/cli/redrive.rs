//! `patchbay dead-letters` on queues without functions: redriven messages stay visible.

use aws_sdk_sqs::types::MessageAttributeValue;
use aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::delivery::envelope::Envelope;
use shared::platform::PlatformName;
use std::time::{Duration, Instant};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::command::Command;
use tests::simulators::genesys_cloud::WIRE;
use tests::simulators::messaging_service::WAIT_TIMEOUT;
use uuid::Uuid;

/// The format of a version that does not exist yet.
const UNREADABLE: &str = r#"{"version": 99}"#;

/// A stack that consists of the two lanes and the dead-letter queue.
struct Queues {
    stack: String,
    queue: String,
    retry_queue: String,
    dead_letter_queue: String,
    sqs: aws_sdk_sqs::Client,
}

impl Queues {
    async fn start() -> Self {
        let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let cloudformation = aws_sdk_cloudformation::Client::new(&aws);
        let stack = format!("queues-{}", Uuid::new_v4());
        let queue = |name: &str| {
            let properties = json!({"QueueName": format!("{stack}-{name}.fifo"), "FifoQueue": true});
            json!({"Type": "AWS::SQS::Queue", "Properties": properties})
        };
        // A message becomes a dead letter after one receive.
        let lane = |name: &str| {
            let mut lane = queue(name);
            lane["Properties"]["RedrivePolicy"] =
                json!({"maxReceiveCount": 1, "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}});
            lane
        };
        let template = json!({
            "Resources": {
                "Messages": lane("messages"), "Retries": lane("retries"), "DeadLetters": queue("dead-letters"),
            },
            "Outputs": {
                "MessageQueueUrl": {"Value": {"Ref": "Messages"}},
                "RetryQueueUrl": {"Value": {"Ref": "Retries"}},
                "DeadLetterQueueUrl": {"Value": {"Ref": "DeadLetters"}},
            },
        });
        let creation = cloudformation.create_stack().stack_name(&stack).template_body(template.to_string());
        creation.send().await.unwrap();
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let outputs = loop {
            let answer = cloudformation.describe_stacks().stack_name(&stack).send().await.unwrap();
            let described = &answer.stacks()[0];
            if described.outputs().len() == 3 {
                break described.outputs().to_vec();
            }
            assert!(Instant::now() < deadline, "{described:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let url = |key: &str| {
            let output = outputs.iter().find(|output| output.output_key() == Some(key));
            output.and_then(|output| output.output_value()).unwrap().to_owned()
        };
        let [queue, retry_queue, dead_letter_queue] =
            ["MessageQueueUrl", "RetryQueueUrl", "DeadLetterQueueUrl"].map(url);
        Self { stack, queue, retry_queue, dead_letter_queue, sqs: aws_sdk_sqs::Client::new(&aws) }
    }

    /// Sends a message to a lane, and receives it until SQS moves it to the dead-letter queue.
    async fn make_dead_letter(&self, lane: &str, group: &str, body: &str) {
        let request = self.sqs.send_message().queue_url(lane).message_group_id(group).message_body(body);
        // What the dispatcher sends with a message that it moves to the retry lane.
        let place = MessageAttributeValue::builder().data_type("String").string_value("17").build().unwrap();
        let request = request.message_attributes("sequenceNumber", place);
        request.message_deduplication_id(Uuid::new_v4()).send().await.unwrap();
        let receive = || self.sqs.receive_message().queue_url(lane).visibility_timeout(0).send();
        assert_eq!(1, receive().await.unwrap().messages().len());
        assert!(receive().await.unwrap().messages().is_empty(), "it is a dead letter");
    }

    async fn send_dead_letter(&self, group: &str, body: &str) {
        let request = self.sqs.send_message().queue_url(&self.dead_letter_queue).message_group_id(group);
        request.message_deduplication_id(Uuid::new_v4().to_string()).message_body(body).send().await.unwrap();
    }

    /// Receives and deletes all redriven messages: groups and bodies, in order.
    async fn take(&self) -> Vec<(String, String)> {
        let mut taken = Vec::new();
        loop {
            let request = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
            let answer = request.message_system_attribute_names(MessageGroupId).send().await.unwrap();
            if answer.messages().is_empty() {
                return taken;
            }
            for message in answer.messages() {
                let group = message.attributes().unwrap()[&MessageGroupId].clone();
                taken.push((group, message.body().unwrap().to_owned()));
                let deletion = self.sqs.delete_message().queue_url(&self.queue);
                deletion.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
            }
        }
    }

    fn command(&self, what: &[&str]) -> Command {
        Command::new(&["--json", "--stack", &self.stack, "dead-letters"]).with(what)
    }

    async fn run(&self, what: &[&str]) -> Value {
        self.command(what).run().await.succeeded().json()
    }
}

/// A text for the integration `acme`, in the receiver's format.
fn readable() -> String {
    let webhook = WIRE[0].fill(&Uuid::new_v4().to_string(), "customer");
    let now = Timestamp::now();
    let envelope = Envelope::new("acme".parse().unwrap(), PlatformName::GenesysCloud, now, &webhook.body).unwrap();
    envelope.to_json().unwrap()
}

fn dead_letter(group: &str, body: &str) -> (String, String) {
    (group.to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_skipped_message_holds_back_the_rest_of_its_group_only() {
    let queues = Queues::start().await;
    let (behind, other) = ([readable(), readable()], readable());
    queues.send_dead_letter("one", UNREADABLE).await;
    for body in &behind {
        queues.send_dead_letter("one", body).await;
    }
    queues.send_dead_letter("two", &other).await;

    let dry = queues.run(&["redrive", "--dry-run"]).await;
    assert_eq!((json!(1), json!(3)), (dry["moved"].clone(), dry["skipped"].clone()), "the dry run reports the same");
    for (options, expected) in [(&["--integration", "acme"][..], vec![dead_letter("two", &other)]), (&[], vec![])] {
        let redriven = queues.command(&["redrive", "--yes"]).with(options).run().await.succeeded().json();
        assert_eq!((json!(expected.len()), json!(3)), (redriven["moved"].clone(), redriven["skipped"].clone()));
        assert_eq!(expected, queues.take().await, "each customer's order is kept");
    }

    let redriven = queues.run(&["redrive", "--yes", "--unreadable"]).await;
    assert_eq!((json!(3), json!(1)), (redriven["moved"].clone(), redriven["byIntegration"]["(unreadable)"].clone()));
    let expected = vec![dead_letter("one", UNREADABLE), dead_letter("one", &behind[0]), dead_letter("one", &behind[1])];
    assert_eq!(expected, queues.take().await, "byte for byte, and in order");
    assert_eq!((json!([]), json!(0)), {
        let listing = queues.run(&["list"]).await;
        (listing["deadLetters"].clone(), listing["total"].clone())
    });
}

#[tokio::test]
async fn a_dead_letter_of_either_lane_is_redriven_to_the_message_queue() {
    let queues = Queues::start().await;
    let (direct, retried) = (readable(), readable());
    queues.make_dead_letter(&queues.queue, "one", &direct).await;
    queues.make_dead_letter(&queues.retry_queue, "two", &retried).await;
    assert_eq!(2, queues.run(&["list"]).await["total"]);
    assert_eq!(2, queues.run(&["redrive", "--yes"]).await["moved"]);
    let mut redriven = queues.take().await;
    redriven.sort();
    assert_eq!(vec![dead_letter("one", &direct), dead_letter("two", &retried)], redriven);
}

#[tokio::test]
async fn at_a_terminal_nothing_is_moved_without_confirmation() {
    let queues = Queues::start().await;
    let body = readable();
    queues.send_dead_letter("one", &body).await;
    let question = "dead-letter queue: about 1. Move up to 1 of `acme` back to the direct lane?";
    let redrive = || queues.command(&["redrive", "--integration", "acme"]);
    for no in ["", "n"] {
        let ran = redrive().run_in_terminal(&[(question, no)]).await.exited_with(1);
        assert!(ran.stdout.contains("nothing was changed"), "{ran:#?}");
        assert_eq!(Vec::<(String, String)>::new(), queues.take().await);
    }
    let ran = redrive().run_in_terminal(&[(question, "y")]).await.succeeded();
    assert!(ran.stdout.contains("\"moved\": 1"), "{ran:#?}");
    assert_eq!(vec![dead_letter("one", &body)], queues.take().await);
    // Without a terminal there is no confirmation.
    let unasked = redrive().run().await.exited_with(2);
    assert!(unasked.stderr.contains("Pass --yes to continue"), "{unasked:#?}");
}

#[tokio::test]
async fn a_repeated_batch_does_not_end_the_search() {
    let (queues, proxy) = (Queues::start().await, AwsProxy::start().await);
    for number in 0..10 {
        queues.send_dead_letter(&format!("unreadable-{number}"), UNREADABLE).await;
    }
    let last = readable();
    queues.send_dead_letter("readable", &last).await;
    for (what, found) in
        [(&["list"][..], "/deadLetters/10/integration"), (&["redrive", "--yes"], "/byIntegration/acme")]
    {
        proxy.disable_visibility_timeout(1);
        let ran = queues.command(what).env("AWS_ENDPOINT_URL", &proxy.url).run().await.succeeded().json();
        assert!(ran.pointer(found).is_some() && ran["cut"] == false, "{ran}");
    }
    assert_eq!(vec![dead_letter("readable", &last)], queues.take().await);
}

#[tokio::test]
async fn a_queue_that_is_too_long_to_search_is_reported() {
    let (queues, proxy) = (Queues::start().await, AwsProxy::start().await);
    for number in 0..12 {
        queues.send_dead_letter(&format!("unreadable-{number}"), UNREADABLE).await;
    }
    proxy.disable_visibility_timeout(usize::MAX);
    let listing = queues.command(&["list"]).env("AWS_ENDPOINT_URL", &proxy.url).run().await.succeeded().json();
    assert_eq!((json!(true), json!(12)), (listing["cut"].clone(), listing["total"].clone()));
    let redriven = queues.command(&["redrive", "--yes"]).env("AWS_ENDPOINT_URL", &proxy.url);
    let redriven = redriven.run().await.exited_with(1);
    assert!(redriven.stderr.contains("the dead-letter queue is too long to walk through"), "{redriven:#?}");
    assert_eq!((json!(true), json!(0)), (redriven.json()["cut"].clone(), redriven.json()["moved"].clone()));
}

#[tokio::test]
async fn redriven_messages_are_reported_even_if_the_rest_cannot_be_counted() {
    let (queues, proxy) = (Queues::start().await, AwsProxy::start().await);
    queues.send_dead_letter("one", &readable()).await;
    proxy.fail_operation("GetQueueAttributes");
    let redrive = queues.command(&["redrive", "--yes"]).env("AWS_ENDPOINT_URL", &proxy.url);
    let redriven = redrive.run().await.succeeded().json();
    assert_eq!((json!(1), Value::Null), (redriven["moved"].clone(), redriven["left"].clone()), "{redriven}");
    assert_eq!(1, queues.take().await.len());
}
