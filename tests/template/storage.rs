//! Stored data is encrypted, retained and protected from accidental deletion.

use crate::document::{FUNCTIONS, Resources, short};
use crate::permissions::every_condition;
use serde_json::json;

/// The queues of a stack that receives conversation events.
const EVENT_QUEUES: [&str; 2] = ["ConversationEventQueue", "ConversationEventDeadLetterQueue"];

const QUEUES: [&str; 4] = ["MessageQueue", "RetryQueue", "DeadLetterQueue", "ParkingQueue"];

#[test]
fn all_stored_data_is_encrypted() {
    let resources = Resources::when(&["HasGenesysEventSource"]);
    for queue in QUEUES.into_iter().chain(EVENT_QUEUES) {
        assert_eq!(true, resources.properties(queue)["SqsManagedSseEnabled"], "{queue}");
    }
    assert_eq!(json!({"SSEEnabled": true, "SSEType": "KMS"}), resources.properties("Ledger")["SSESpecification"]);
}

#[test]
fn a_customer_managed_key_encrypts_queues_ledger_logs_alarms_and_function_settings() {
    let resources = Resources::when(&every_condition());
    let key = json!({"Ref": "KmsKeyArn"});
    for queue in QUEUES.into_iter().chain(EVENT_QUEUES) {
        assert_eq!(key, resources.properties(queue)["KmsMasterKeyId"], "{queue}");
        assert_eq!(
            false,
            resources.properties(queue)["SqsManagedSseEnabled"],
            "{queue}: AWS accepts only one of the two"
        );
    }
    let encryption = json!({"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key});
    assert_eq!(encryption, resources.properties("Ledger")["SSESpecification"]);
    for (id, group) in resources.of_type("AWS::Logs::LogGroup") {
        assert_eq!(key, group["KmsKeyId"], "{id}");
    }
    for function in FUNCTIONS {
        assert_eq!(key, resources.properties(function)["KmsKeyArn"], "{function}");
    }
    assert_eq!(key, resources.properties("AlarmTopic")["KmsMasterKeyId"]);
}

#[test]
fn messages_and_the_ledger_outlive_the_stack() {
    let resources = Resources::by_default();
    for id in QUEUES.into_iter().chain(["Ledger"]) {
        assert_eq!("Retain", resources.resource(id)["UpdateReplacePolicy"], "{id}");
    }
    // A stack that failed to create must not leave a queue with a name behind: the name would block the next attempt.
    // Those without one were added later: an upgrade that is rolled back keeps what they have.
    for queue in QUEUES {
        let has_name = resources.properties(queue).get("QueueName").is_some();
        assert_eq!(["MessageQueue", "DeadLetterQueue"].contains(&queue), has_name, "{queue}");
        let policy = if has_name { "RetainExceptOnCreate" } else { "Retain" };
        assert_eq!(policy, resources.resource(queue)["DeletionPolicy"], "{queue}");
    }
}

#[test]
fn a_stack_that_failed_to_create_is_not_blocked_by_its_protected_ledger() {
    let resources = Resources::by_default();
    assert_eq!(true, resources.properties("Ledger")["DeletionProtectionEnabled"]);
    assert_eq!("Retain", resources.resource("Ledger")["DeletionPolicy"]);
    assert_eq!(None, resources.properties("Ledger").get("TableName"), "a fixed name would block the next attempt");
}

#[test]
fn the_ledger_cannot_be_deleted_by_accident_and_can_be_restored() {
    let ledger = |conditions: &[&str]| Resources::when(conditions).properties("Ledger").clone();
    assert_eq!(true, ledger(&["IsProtected"])["DeletionProtectionEnabled"]);
    assert_eq!(false, ledger(&[])["DeletionProtectionEnabled"], "of a trial stack");
    let recovery = &ledger(&[])["PointInTimeRecoverySpecification"];
    assert_eq!(json!({"PointInTimeRecoveryEnabled": true}), *recovery);
}

#[test]
fn the_index_of_what_is_retried_has_nothing_but_keys() {
    let resources = Resources::by_default();
    let schema = [("retryShard", "HASH"), ("failingSince", "RANGE")]
        .map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind}));
    let index = json!({"IndexName": "Retries", "KeySchema": schema, "Projection": {"ProjectionType": "KEYS_ONLY"}});
    assert_eq!(json!([index]), resources.properties("Ledger")["GlobalSecondaryIndexes"]);
}

#[test]
fn both_lanes_move_what_cannot_be_processed_to_the_dead_letter_queue() {
    let resources = Resources::by_default();
    for lane in ["MessageQueue", "RetryQueue"] {
        let redrive = &resources.properties(lane)["RedrivePolicy"];
        assert_eq!("DeadLetterQueue", short(&redrive["deadLetterTargetArn"]), "{lane}");
        assert_eq!(1_000, redrive["maxReceiveCount"], "{lane}");
    }
    let allowed = &resources.properties("DeadLetterQueue")["RedriveAllowPolicy"];
    assert_eq!(json!({"redrivePermission": "allowAll"}), *allowed);
}

#[test]
fn the_lanes_differ_in_their_names_only() {
    let resources = Resources::by_default();
    let [mut direct, mut retry] = ["MessageQueue", "RetryQueue"].map(|lane| resources.properties(lane).clone());
    assert!(direct.as_object_mut().unwrap().remove("QueueName").is_some());
    assert_eq!(None, retry.as_object_mut().unwrap().remove("QueueName"));
    assert_eq!(direct, retry, "a message fits into both, and is kept and ordered in the same way");
}

#[test]
fn failed_messages_are_kept_for_fourteen_days_on_a_standard_queue_with_an_alarm_four_days_before_they_expire() {
    let resources = Resources::by_default();
    let queue = resources.properties("ParkingQueue");
    assert_eq!(None, queue.get("FifoQueue"), "at most ten messages of a FIFO group can be listed");
    assert_eq!(14 * 24 * 3600, queue["MessageRetentionPeriod"]);
    assert_eq!(10 * 24 * 3600, resources.properties("ParkedMessagesExpire")["Threshold"]);
}

#[test]
fn without_keeping_failed_messages_the_dispatcher_has_no_parking_queue_and_no_permission_to_send_to_it() {
    let mentions = |conditions: &[&str]| {
        let resources = Resources::when(conditions);
        ["MessageDispatcher", "MessageDispatcherRole"]
            .map(|id| resources.properties(id).to_string().contains("ParkingQueue"))
    };
    assert_eq!([true, true], mentions(&["KeepsFailedMessages"]));
    assert_eq!([false, false], mentions(&[]));
}

#[test]
fn queues_and_topic_refuse_plain_text_requests() {
    let resources = Resources::when(&every_condition());
    let guarded = [
        ("MessageQueuePolicy", "Queues", "MessageQueue", "sqs:*"),
        ("RetryQueuePolicy", "Queues", "RetryQueue", "sqs:*"),
        ("DeadLetterQueuePolicy", "Queues", "DeadLetterQueue", "sqs:*"),
        ("ParkingQueuePolicy", "Queues", "ParkingQueue", "sqs:*"),
        ("ConversationEventQueuePolicy", "Queues", "ConversationEventQueue", "sqs:*"),
        ("ConversationEventDeadLetterQueuePolicy", "Queues", "ConversationEventDeadLetterQueue", "sqs:*"),
        ("AlarmTopicPolicy", "Topics", "AlarmTopic", "sns:Publish"),
    ];
    for (policy, list, id, action) in guarded {
        let policy = resources.properties(policy);
        assert_eq!(json!([{"Ref": id}]), policy[list]);
        let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
        let denied = statements.iter().find(|statement| statement["Effect"] == "Deny").unwrap();
        assert_eq!("*", denied["Principal"], "{id}");
        assert_eq!(action, denied["Action"], "{id}");
        assert_eq!(id, short(&denied["Resource"]));
        assert_eq!(json!({"Bool": {"aws:SecureTransport": "false"}}), denied["Condition"], "{id}");
    }
}

#[test]
fn every_taggable_resource_is_tagged() {
    let untaggable = [
        "AWS::ApiGatewayV2::ApiMapping",
        "AWS::CloudWatch::Dashboard",
        "AWS::Events::Rule",               // taggable, but not by every version of cfn-lint
        "AWS::Lambda::EventSourceMapping", // taggable, but SAM passes no tags to it
        "AWS::Lambda::Permission",
        "AWS::Logs::MetricFilter",
        "AWS::Logs::QueryDefinition",
        "AWS::Route53::RecordSetGroup",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    ];
    for (id, resource) in Resources::when(&every_condition()).all() {
        let kind = resource["Type"].as_str().unwrap();
        if untaggable.contains(&kind) {
            continue;
        }
        let properties = &resource["Properties"];
        let as_list = json!({"Key": "Application", "Value": "patchbay"});
        let tagged = match kind {
            // SAM writes them into the OpenAPI document.
            "AWS::ApiGatewayV2::Api" => {
                let tags = properties["Body"]["tags"].as_array().unwrap();
                tags.contains(&json!({"name": "Application", "x-amazon-apigateway-tag-value": "patchbay"}))
            }
            _ => match &properties["Tags"] {
                serde_json::Value::Array(tags) => tags.contains(&as_list),
                tags => tags["Application"] == "patchbay",
            },
        };
        assert!(tagged, "{id} ({kind}) has no tag");
    }
}
