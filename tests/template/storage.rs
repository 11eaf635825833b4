//! What is stored: encrypted, kept, and protected from slips.

use crate::document::{FUNCTIONS, Resources, short};
use crate::permissions::every_condition;
use serde_json::json;

const QUEUES: [&str; 3] = ["MessageQueue", "DeadLetterQueue", "ParkingQueue"];

#[test]
fn all_that_is_stored_is_encrypted() {
    let resources = Resources::by_default();
    for queue in QUEUES {
        assert_eq!(resources.properties(queue)["SqsManagedSseEnabled"], true, "{queue}");
    }
    assert_eq!(resources.properties("Ledger")["SSESpecification"], json!({"SSEEnabled": true, "SSEType": "KMS"}));
}

#[test]
fn an_own_key_encrypts_queues_ledger_logs_alarms_and_the_functions_settings() {
    let resources = Resources::when(&every_condition());
    let key = json!({"Ref": "KmsKeyArn"});
    for queue in QUEUES {
        assert_eq!(resources.properties(queue)["KmsMasterKeyId"], key, "{queue}");
        assert_eq!(resources.properties(queue)["SqsManagedSseEnabled"], false, "{queue}: AWS takes one of the two");
    }
    let encryption = json!({"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key});
    assert_eq!(resources.properties("Ledger")["SSESpecification"], encryption);
    for (id, group) in resources.of_type("AWS::Logs::LogGroup") {
        assert_eq!(group["KmsKeyId"], key, "{id}");
    }
    for function in FUNCTIONS {
        assert_eq!(resources.properties(function)["KmsKeyArn"], key, "{function}");
    }
    assert_eq!(resources.properties("AlarmTopic")["KmsMasterKeyId"], key);
}

#[test]
fn messages_and_the_ledger_outlive_the_stack() {
    let resources = Resources::by_default();
    for id in ["MessageQueue", "DeadLetterQueue", "ParkingQueue", "Ledger"] {
        assert_eq!(resources.resource(id)["UpdateReplacePolicy"], "Retain", "{id}");
    }
    // A stack that could not be created leaves nothing in the next attempt's way: no queue, for FIFO queues have names.
    for queue in QUEUES {
        let has_name = resources.properties(queue).get("QueueName").is_some();
        assert_eq!(has_name, resources.properties(queue)["FifoQueue"] == true, "{queue}");
        let policy = if has_name { "RetainExceptOnCreate" } else { "Retain" };
        assert_eq!(resources.resource(queue)["DeletionPolicy"], policy, "{queue}");
    }
}

#[test]
fn a_stack_that_could_not_be_created_is_not_stuck_with_a_ledger_that_cannot_be_deleted() {
    let resources = Resources::by_default();
    assert_eq!(resources.properties("Ledger")["DeletionProtectionEnabled"], true);
    assert_eq!(resources.resource("Ledger")["DeletionPolicy"], "Retain");
    assert_eq!(resources.properties("Ledger").get("TableName"), None, "the next attempt's would be in the way");
}

#[test]
fn the_ledger_cannot_be_deleted_by_a_slip_and_can_be_restored() {
    let ledger = |conditions: &[&str]| Resources::when(conditions).properties("Ledger").clone();
    assert_eq!(ledger(&["IsProtected"])["DeletionProtectionEnabled"], true);
    assert_eq!(ledger(&[])["DeletionProtectionEnabled"], false, "a trial's");
    let recovery = &ledger(&[])["PointInTimeRecoverySpecification"];
    assert_eq!(*recovery, json!({"PointInTimeRecoveryEnabled": true}));
}

#[test]
fn what_cannot_be_tried_goes_to_the_dead_letters_and_nothing_else_does() {
    let resources = Resources::by_default();
    let redrive = &resources.properties("MessageQueue")["RedrivePolicy"];
    assert_eq!(short(&redrive["deadLetterTargetArn"]), "DeadLetterQueue");
    let name = resources.properties("MessageQueue")["QueueName"]["Fn::Sub"].as_str().unwrap();
    let source = format!("arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{name}");
    assert_eq!(
        resources.properties("DeadLetterQueue")["RedriveAllowPolicy"],
        json!({"redrivePermission": "byQueue", "sourceQueueArns": [{"Fn::Sub": source}]})
    );
}

#[test]
fn failed_messages_are_kept_for_fourteen_days_on_a_standard_queue_and_told_of_four_days_before_they_go() {
    let resources = Resources::by_default();
    let queue = resources.properties("ParkingQueue");
    assert_eq!(queue.get("FifoQueue"), None, "of a FIFO queue's group no more than ten messages can be listed");
    assert_eq!(queue["MessageRetentionPeriod"], 14 * 24 * 3600);
    assert_eq!(resources.properties("ParkedMessagesExpire")["Threshold"], 10 * 24 * 3600);
}

#[test]
fn without_keeping_failed_messages_the_dispatcher_neither_knows_the_parking_queue_nor_may_send_to_it() {
    let says = |conditions: &[&str]| {
        let resources = Resources::when(conditions);
        ["MessageDispatcher", "MessageDispatcherRole"]
            .map(|id| resources.properties(id).to_string().contains("ParkingQueue"))
    };
    assert_eq!(says(&["KeepsFailedMessages"]), [true, true]);
    assert_eq!(says(&[]), [false, false]);
}

#[test]
fn queues_and_topic_take_nothing_in_plain_text() {
    let resources = Resources::when(&every_condition());
    let guarded = [
        ("MessageQueuePolicy", "Queues", "MessageQueue", "sqs:*"),
        ("DeadLetterQueuePolicy", "Queues", "DeadLetterQueue", "sqs:*"),
        ("ParkingQueuePolicy", "Queues", "ParkingQueue", "sqs:*"),
        ("AlarmTopicPolicy", "Topics", "AlarmTopic", "sns:Publish"),
    ];
    for (policy, list, id, action) in guarded {
        let policy = resources.properties(policy);
        assert_eq!(policy[list], json!([{"Ref": id}]));
        let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
        let denied = statements.iter().find(|statement| statement["Effect"] == "Deny").unwrap();
        assert_eq!(denied["Principal"], "*", "{id}");
        assert_eq!(denied["Action"], action, "{id}");
        assert_eq!(short(&denied["Resource"]), id);
        assert_eq!(denied["Condition"], json!({"Bool": {"aws:SecureTransport": "false"}}), "{id}");
    }
}

#[test]
fn everything_that_can_be_tagged_is() {
    let untaggable = [
        "AWS::ApiGatewayV2::ApiMapping",
        "AWS::CloudWatch::Dashboard",
        "AWS::Lambda::EventSourceMapping", // it could be, but SAM gives it none
        "AWS::Lambda::Permission",
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
