//! Least privilege: for each function the exact set of what it may do, and on what.

use crate::document::{FUNCTIONS, Resources, SENDERS, root, short, strings, template};
use serde_json::{Value, json};
use shared::ledger::key::Kind;
use std::collections::BTreeSet;

/// The secrets of all integrations: which there are is not known to the template, so that this star cannot be named.
const INTEGRATIONS: &str =
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretPrefix}/*";

/// What a function may do by its role: an action, and what it is done on.
fn needed(function: &str) -> BTreeSet<(String, String)> {
    let logs = format!("{function}Logs");
    let mut needed = vec![
        ("logs:CreateLogStream", logs.as_str()),
        ("logs:PutLogEvents", &logs),
        ("secretsmanager:GetSecretValue", INTEGRATIONS),
    ];
    needed.extend(match function {
        "WebhookReceiver" => vec![("sqs:SendMessage", "MessageQueue")],
        "MessageDispatcher" => vec![
            ("sqs:ReceiveMessage", "MessageQueue"),
            ("sqs:DeleteMessage", "MessageQueue"),
            ("sqs:ChangeMessageVisibility", "MessageQueue"),
            ("sqs:GetQueueAttributes", "MessageQueue"),
            ("sqs:SendMessage", "MessageQueue"),
            ("sqs:SendMessage", "ParkingQueue"),
        ],
        "CardSender" => vec![("sqs:SendMessage", "MessageQueue")],
        "AgentlessSender" | "ReceiptPoster" | "InboundSender" | "AgentSender" => vec![],
        other => panic!("nobody has said what {other} needs"),
    });
    let keys = kinds_written(function).into_iter().map(|kind| format!("Ledger {}*", kind.prefix()));
    owned(&needed).into_iter().chain(keys.map(|keys| ("dynamodb:UpdateItem".to_owned(), keys))).collect()
}

/// The source of a function.
fn source_of(function: &str) -> String {
    let kebab = |letter: char| match letter {
        'A'..='Z' => format!("-{}", letter.to_ascii_lowercase()),
        other => other.to_string(),
    };
    let name: String = function.chars().map(kebab).collect();
    let folder = root().join("functions").join(name.trim_start_matches('-')).join("src");
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// The kinds of the ledger's keys that a function writes, as its own code makes them.
fn kinds_written(function: &str) -> BTreeSet<Kind> {
    let source = source_of(function);
    assert!(!source.contains("#{"), "{function} makes keys past `ledger::key`");
    let makes = |kind: &Kind| {
        let constructor = kind.prefix().trim_end_matches('#').replace('-', "_");
        source.contains(&format!("key::{constructor}("))
    };
    let mut kinds: BTreeSet<_> = Kind::ALL.into_iter().filter(makes).collect();
    if SENDERS.contains(&function) {
        kinds.insert(Kind::Request);
    }
    if function == "MessageDispatcher" {
        kinds.insert(Kind::Probe);
    }
    kinds
}

fn owned(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    pairs.iter().map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned())).collect()
}

/// What the role of a function allows. A statement that says more than which actions on which resources fails here.
fn allowed(resources: &Resources, function: &str) -> BTreeSet<(String, String)> {
    let role = resources.properties(&format!("{function}Role"));
    let mut allowed = BTreeSet::new();
    for policy in role["Policies"].as_array().unwrap() {
        for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow", "{function}: {statement}");
            let mut parts = statement.as_object().unwrap().clone();
            let condition = parts.remove("Condition");
            let parts: Vec<_> = parts.keys().map(String::as_str).collect();
            assert!(
                parts.iter().all(|part| ["Effect", "Action", "Resource"].contains(part)),
                "{function}: {statement}"
            );
            let suffixes = condition.map_or_else(|| vec![String::new()], |condition| leading_keys(&condition));
            for action in strings(&statement["Action"]) {
                for resource in strings(&statement["Resource"]) {
                    let resources = suffixes.iter().map(|suffix| format!("{resource}{suffix}"));
                    allowed.extend(resources.map(|resource| (action.clone(), resource)));
                }
            }
        }
    }
    allowed
}

/// The keys to which a condition restricts a statement, each after a space; any other condition fails here.
fn leading_keys(condition: &Value) -> Vec<String> {
    let keys = &condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    assert_eq!(*condition, json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}));
    strings(keys).into_iter().map(|key| format!(" {key}")).collect()
}

#[test]
fn a_function_that_was_taken_over_can_write_no_other_functions_kinds_of_keys() {
    let resources = Resources::by_default();
    for function in FUNCTIONS {
        // Another action might name no key, and `ForAllValues` holds where there is none.
        let on_ledger: BTreeSet<_> =
            allowed(&resources, function).into_iter().filter(|(action, _)| action.starts_with("dynamodb:")).collect();
        let expected = kinds_written(function).into_iter().map(|kind| format!("Ledger {}*", kind.prefix()));
        assert_eq!(on_ledger, expected.map(|keys| ("dynamodb:UpdateItem".to_owned(), keys)).collect(), "{function}");
        let marks_deliveries = on_ledger.iter().any(|(_, keys)| keys.contains(Kind::Delivery.prefix()));
        assert_eq!(function == "MessageDispatcher", marks_deliveries, "{function}");
    }
}

#[test]
fn each_function_may_do_exactly_what_it_needs() {
    let resources = Resources::by_default();
    for function in FUNCTIONS {
        assert_eq!(allowed(&resources, function), needed(function), "{function}");
    }
}

#[test]
fn an_own_key_is_the_only_one_that_functions_may_use_and_only_those_that_write_to_the_queue_make_data_keys() {
    let resources = Resources::when(&["HasKmsKey", "KeepsFailedMessages"]);
    for function in FUNCTIONS {
        let mut expected = needed(function);
        expected.extend(owned(&[("kms:Decrypt", "KmsKeyArn")]));
        if ["WebhookReceiver", "MessageDispatcher", "CardSender"].contains(&function) {
            expected.extend(owned(&[("kms:GenerateDataKey", "KmsKeyArn")]));
        }
        assert_eq!(allowed(&resources, function), expected, "{function}");
    }
}

#[test]
fn functions_may_send_traces_only_where_they_are_traced() {
    let resources = Resources::when(&["IsTraced", "KeepsFailedMessages"]);
    for function in FUNCTIONS {
        let mut expected = needed(function);
        // IAM knows no name for what X-Ray takes.
        expected.extend(owned(&[("xray:PutTelemetryRecords", "*"), ("xray:PutTraceSegments", "*")]));
        assert_eq!(allowed(&resources, function), expected, "{function}");
    }
}

#[test]
fn each_function_has_a_role_of_its_own_that_lambda_alone_assumes_and_that_nothing_else_widens() {
    let everything = Resources::when(&every_condition());
    let roles: Vec<_> = everything.of_type("AWS::IAM::Role").into_iter().map(|(id, _)| id.to_owned()).collect();
    let expected: Vec<_> = FUNCTIONS.iter().map(|function| format!("{function}Role")).collect();
    assert_eq!(BTreeSet::from_iter(roles), BTreeSet::from_iter(expected));
    for function in FUNCTIONS {
        let role_id = format!("{function}Role");
        assert_eq!(short(&everything.properties(function)["Role"]), role_id);
        let role = everything.properties(&role_id);
        assert_eq!(
            role["AssumeRolePolicyDocument"]["Statement"],
            json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}])
        );
        assert_eq!(role.get("ManagedPolicyArns"), None, "{function}");
    }
    for (id, resource) in everything.all() {
        let kind = resource["Type"].as_str().unwrap();
        assert!(!kind.starts_with("AWS::IAM::") || kind == "AWS::IAM::Role", "{id} is an {kind}");
    }
}

#[test]
fn only_the_api_may_call_a_function_and_each_by_its_own_routes() {
    let everything = Resources::when(&every_condition());
    let permissions = everything.of_type("AWS::Lambda::Permission");
    for (id, permission) in &permissions {
        assert_eq!(permission["Principal"], "apigateway.amazonaws.com", "{id}");
        assert_eq!(permission["Action"], "lambda:InvokeFunction", "{id}");
        let source = permission["SourceArn"]["Fn::Sub"][0].as_str().unwrap();
        assert!(source.contains("${__ApiId__}/${__Stage__}/POST/integrations/*/"), "{id}: {source}");
        assert_eq!(short(&permission["SourceArn"]["Fn::Sub"][1]["__ApiId__"]), "Api", "{id}");
    }
    assert_eq!(permissions.len(), 9, "a permission for each route");
}

#[test]
fn what_the_queues_and_the_topic_allow_is_nothing_but_this_accounts_alarms() {
    let everything = Resources::when(&every_condition());
    let policies = everything.all().filter(|(_, resource)| {
        let kind = resource["Type"].as_str().unwrap();
        kind.ends_with("Policy") && !kind.starts_with("AWS::IAM::")
    });
    let mut allowing = Vec::new();
    for (_, policy) in policies {
        for statement in policy["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap() {
            if statement["Effect"] != "Deny" {
                allowing.push(statement.clone());
            }
        }
    }
    assert_eq!(
        allowing,
        [json!({
            "Sid": "AlarmsOfThisAccount", "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish", "Resource": {"Ref": "AlarmTopic"},
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        })]
    );
}

/// All conditions of the template.
pub(crate) fn every_condition() -> Vec<&'static str> {
    match &template()["Conditions"] {
        Value::Object(conditions) => conditions.keys().map(String::as_str).collect(),
        other => panic!("conditions: {other}"),
    }
}
