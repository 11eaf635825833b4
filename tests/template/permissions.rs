//! Least privilege: each function's role allows only what the function needs. The actions that each function needs are in
//! `patchbay doctor`, which has a test that the template allows exactly those.

use crate::document::{CONVERSATION_EVENTS, FUNCTIONS, Resources, SENDERS, short, strings, template};
use serde_json::{Value, json};
use shared::ledger::key::Kind;
use std::collections::BTreeSet;
use tests::spec::template::{RECEIVERS, RENEWING};

fn owned(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    pairs.iter().map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned())).collect()
}

/// What a function's role allows: pairs of an action and a resource. Panics on a statement with any other element.
fn allowed(resources: &Resources, function: &str) -> BTreeSet<(String, String)> {
    let role = resources.properties(&format!("{function}Role"));
    let mut allowed = BTreeSet::new();
    for policy in role["Policies"].as_array().unwrap() {
        for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
            if statement["Effect"] == "Deny" {
                continue;
            }
            assert_eq!("Allow", statement["Effect"], "{function}: {statement}");
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

/// The keys that a condition restricts a statement to, each after a space. Panics on any other condition.
fn leading_keys(condition: &Value) -> Vec<String> {
    let keys = &condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    assert_eq!(json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}), *condition);
    strings(keys).into_iter().map(|key| format!(" {key}")).collect()
}

#[test]
fn a_compromised_function_can_write_no_ledger_keys_of_other_functions() {
    let resources = Resources::by_default();
    for function in FUNCTIONS {
        // `ForAllValues` also holds for an action that names no key: these three name keys.
        let on_ledger: BTreeSet<_> =
            allowed(&resources, function).into_iter().filter(|(action, _)| action.starts_with("dynamodb:")).collect();
        let may = |action: &str, kind: Kind| on_ledger.contains(&(action.to_owned(), ledger_keys(kind)));
        let writes = |kind: Kind| may("dynamodb:UpdateItem", kind);
        let reads = |kind: Kind| may("dynamodb:BatchGetItem", kind);
        let reads_singly = |kind: Kind| may("dynamodb:GetItem", kind);
        let of_kinds = |may: &dyn Fn(Kind) -> bool| Kind::ALL.into_iter().filter(|kind| may(*kind)).count();
        let counted = of_kinds(&writes) + of_kinds(&reads) + of_kinds(&reads_singly);
        assert_eq!(on_ledger.len(), counted, "{function} has other keys: {on_ledger:?}");
        assert_eq!(SENDERS.contains(&function), writes(Kind::Request), "{function}");
        let of_dispatcher =
            [Kind::Delivery, Kind::Probe, Kind::TextTrace, Kind::Offer, Kind::Contact, Kind::Lane, Kind::Circuit];
        for kind in of_dispatcher {
            assert_eq!(function == "MessageDispatcher", writes(kind), "{function}");
        }
        for kind in Kind::ALL {
            let is_read = [Kind::Lane, Kind::Circuit].contains(&kind) && function == "MessageDispatcher";
            assert_eq!(is_read, reads(kind), "{function}, {kind:?}");
            let is_read_singly = [Kind::Offer, Kind::Contact].contains(&kind) && function == "MessageDispatcher";
            assert_eq!(is_read_singly, reads_singly(kind), "{function}, {kind:?}");
        }
        assert_eq!(["InboundSender", "MessageDispatcher"].contains(&function), writes(Kind::Inbound), "{function}");
        assert_eq!(["MessageDispatcher", "ReceiptPoster"].contains(&function), writes(Kind::Receipt), "{function}");
        assert_eq!(RENEWING.contains(&function), writes(Kind::Authorization), "{function}");
        for kind in [Kind::Conversation, Kind::Channel] {
            assert!(!writes(kind), "{function}: not needed without an event source");
        }
    }
}

#[test]
fn a_receiver_may_read_configurations_write_log_lines_and_send_to_the_direct_lane_and_nothing_else() {
    let secrets = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretPrefix}/*";
    for function in RECEIVERS {
        let logs = format!("{function}Logs");
        let expected = owned(&[
            ("logs:CreateLogStream", &logs),
            ("logs:PutLogEvents", &logs),
            ("secretsmanager:GetSecretValue", secrets),
            ("sqs:SendMessage", "MessageQueue"),
        ]);
        assert_eq!(expected, allowed(&Resources::by_default(), function), "{function}");
    }
}

#[test]
fn only_functions_that_call_a_platform_whose_tokens_expire_may_write_secrets_and_only_those_with_tokens() {
    let resources = Resources::by_default();
    for function in FUNCTIONS {
        let on_secrets: BTreeSet<_> = allowed(&resources, function)
            .into_iter()
            .filter(|(action, _)| action.starts_with("secretsmanager:"))
            .map(|(action, resource)| (action, resource.rsplit(":secret:").next().unwrap().to_owned()))
            .collect();
        let mut expected = owned(&[("secretsmanager:GetSecretValue", "${SecretPrefix}/*")]);
        if RENEWING.contains(&function) {
            expected.extend(owned(&[("secretsmanager:PutSecretValue", "${SecretPrefix}/*/oauth-??????")]));
        }
        assert_eq!(expected, on_secrets, "{function}");
    }
}

#[test]
fn only_functions_that_renew_tokens_may_read_them() {
    let resources = Resources::by_default();
    for function in FUNCTIONS {
        let role = resources.properties(&format!("{function}Role"));
        let policies = role["Policies"].as_array().unwrap().iter();
        let statements = policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
        let denied: Vec<_> = statements.filter(|statement| statement["Effect"] == "Deny").collect();
        let denies_tokens = |statement: &Value| {
            let resources = strings(&statement["Resource"]);
            strings(&statement["Action"]) == ["secretsmanager:GetSecretValue"]
                && resources.iter().all(|one| one.ends_with(":secret:${SecretPrefix}/*/oauth-??????"))
        };
        assert_eq!(usize::from(!RENEWING.contains(&function)), denied.len(), "{function}");
        assert!(denied.into_iter().all(denies_tokens), "{function}");
    }
}

#[test]
fn with_an_event_source_three_functions_write_whose_a_conversation_is_and_one_reads_it() {
    let with_source = ["KeepsFailedMessages", "HasGenesysEventSource"];
    for function in FUNCTIONS {
        let kinds: &[_] = match function {
            "MessageDispatcher" => &[Kind::Channel, Kind::Conversation],
            "AgentlessSender" | "InboundSender" => &[Kind::Conversation],
            _ => &[],
        };
        let expected: BTreeSet<_> =
            kinds.iter().map(|kind| ("dynamodb:UpdateItem".to_owned(), ledger_keys(*kind))).collect();
        assert_eq!(expected, added_by("HasGenesysEventSource", function), "{function}");
    }
    let (conversations, channels) = (ledger_keys(Kind::Conversation), ledger_keys(Kind::Channel));
    let expected = owned(&[
        ("logs:CreateLogStream", "ConversationEventsLogs"),
        ("logs:PutLogEvents", "ConversationEventsLogs"),
        ("sqs:ChangeMessageVisibility", "ConversationEventQueue"),
        ("sqs:DeleteMessage", "ConversationEventQueue"),
        ("sqs:GetQueueAttributes", "ConversationEventQueue"),
        ("sqs:ReceiveMessage", "ConversationEventQueue"),
        ("sqs:SendMessage", "ConversationEventDeadLetterQueue"),
        ("sqs:SendMessage", "MessageQueue"),
        ("dynamodb:GetItem", &channels),
        ("dynamodb:GetItem", &conversations),
        ("dynamodb:UpdateItem", &conversations),
    ]);
    assert_eq!(expected, allowed(&Resources::when(&with_source), CONVERSATION_EVENTS), "it reads no secret");
}

/// A ledger resource with the keys of one kind, as `allowed` writes it.
fn ledger_keys(kind: Kind) -> String {
    format!("Ledger {}*", kind.prefix())
}

/// What a function's role allows in addition under these conditions.
fn added_by(condition: &str, function: &str) -> BTreeSet<(String, String)> {
    let base = allowed(&Resources::when(&["KeepsFailedMessages"]), function);
    let with_condition = allowed(&Resources::when(&[condition, "KeepsFailedMessages"]), function);
    assert!(base.is_subset(&with_condition), "{function}");
    with_condition.difference(&base).cloned().collect()
}

#[test]
fn functions_may_use_only_the_stacks_own_kms_key_and_only_writers_of_queues_and_secrets_may_make_data_keys() {
    for function in FUNCTIONS {
        let mut expected = owned(&[("kms:Decrypt", "KmsKeyArn")]);
        if RECEIVERS.contains(&function) || function == "CardSender" || RENEWING.contains(&function) {
            expected.extend(owned(&[("kms:GenerateDataKey", "KmsKeyArn")]));
        }
        assert_eq!(expected, added_by("HasKmsKey", function), "{function}");
    }
}

#[test]
fn functions_may_send_traces_only_when_tracing_is_on() {
    for function in FUNCTIONS {
        // X-Ray has no resource names in IAM.
        let expected = owned(&[("xray:PutTelemetryRecords", "*"), ("xray:PutTraceSegments", "*")]);
        assert_eq!(expected, added_by("IsTraced", function), "{function}");
    }
}

#[test]
fn each_function_has_its_own_role_that_only_lambda_assumes_and_nothing_widens() {
    let everything = Resources::when(&every_condition());
    let roles: Vec<_> = everything.of_type("AWS::IAM::Role").into_iter().map(|(id, _)| id.to_owned()).collect();
    let functions = || FUNCTIONS.into_iter().chain([CONVERSATION_EVENTS]);
    let expected: Vec<_> = functions().map(|function| format!("{function}Role")).collect();
    assert_eq!(BTreeSet::from_iter(roles), BTreeSet::from_iter(expected));
    for function in functions() {
        let role_id = format!("{function}Role");
        assert_eq!(role_id, short(&everything.properties(function)["Role"]));
        let role = everything.properties(&role_id);
        assert_eq!(
            json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]),
            role["AssumeRolePolicyDocument"]["Statement"]
        );
        assert_eq!(None, role.get("ManagedPolicyArns"), "{function}");
    }
    for (id, resource) in everything.all() {
        let kind = resource["Type"].as_str().unwrap();
        assert!(!kind.starts_with("AWS::IAM::") || kind == "AWS::IAM::Role", "{id} is an {kind}");
    }
}

#[test]
fn every_role_has_the_configured_path_and_permissions_boundary() {
    let bounded = Resources::when(&["HasPermissionsBoundary", "HasGenesysEventSource"]);
    let by_default = Resources::when(&["HasGenesysEventSource"]);
    for (id, role) in bounded.of_type("AWS::IAM::Role") {
        assert_eq!("RolePath", short(&role["Path"]), "{id}");
        assert_eq!("PermissionsBoundaryArn", short(&role["PermissionsBoundary"]), "{id}");
        assert_eq!(None, by_default.properties(id).get("PermissionsBoundary"), "{id}");
    }
    assert_eq!("/", template()["Parameters"]["RolePath"]["Default"]);
}

#[test]
fn only_the_api_may_invoke_a_function_and_only_for_its_own_routes() {
    let everything = Resources::when(&every_condition());
    let permissions = everything.of_type("AWS::Lambda::Permission");
    for (id, permission) in &permissions {
        assert_eq!("apigateway.amazonaws.com", permission["Principal"], "{id}");
        assert_eq!("lambda:InvokeFunction", permission["Action"], "{id}");
        let source = permission["SourceArn"]["Fn::Sub"][0].as_str().unwrap();
        let is_of_a_route =
            |method| source.contains(&format!("${{__ApiId__}}/${{__Stage__}}/{method}/integrations/*/"));
        assert!(["POST", "GET", "HEAD"].into_iter().any(is_of_a_route), "{id}: {source}");
        assert_eq!("Api", short(&permission["SourceArn"]["Fn::Sub"][1]["__ApiId__"]), "{id}");
    }
    assert_eq!(16, permissions.len(), "a permission for each route");
}

#[test]
fn the_policies_of_queues_and_topic_allow_only_this_accounts_alarms_and_the_rule_of_the_event_source() {
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
    let of_the_rule = |queue: &str| {
        json!({
            "Sid": "EventsOfTheRule", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": [queue, "Arn"]},
            "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["ConversationEventRule", "Arn"]}}}
        })
    };
    allowing.sort_by_key(Value::to_string);
    let mut expected = vec![
        json!({
            "Sid": "AlarmsOfThisAccount", "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish", "Resource": {"Ref": "AlarmTopic"},
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        }),
        of_the_rule("ConversationEventQueue"),
        of_the_rule("ConversationEventDeadLetterQueue"),
    ];
    expected.sort_by_key(Value::to_string);
    assert_eq!(expected, allowing);
}

/// All conditions of the template.
pub(crate) fn every_condition() -> Vec<&'static str> {
    match &template()["Conditions"] {
        Value::Object(conditions) => conditions.keys().map(String::as_str).collect(),
        other => panic!("conditions: {other}"),
    }
}
