//! The functions of the template: their routes, and the permissions that their roles must grant.

use crate::api::endpoint::Endpoint;
use shared::ledger::key::Kind;
use shared::platform::Route;

#[derive(Debug)]
pub(super) struct Function {
    /// The logical id in the template.
    pub(super) name: &'static str,
    pub(super) endpoints: &'static [Endpoint],
    queue_actions: &'static [&'static str],
    parking_queue_actions: &'static [&'static str],
    /// The kinds of ledger keys that it writes.
    ledger_kinds: &'static [Kind],
}

/// What permissions apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Resource {
    /// The function's own log group.
    Logs,
    Secrets,
    /// The secrets with tokens that expire.
    Tokens,
    Queue,
    ParkingQueue,
    Ledger,
    /// The stack's own KMS key, if it has one.
    Key,
}

pub(super) const FUNCTIONS: [Function; 7] = [
    Function {
        name: "WebhookReceiver",
        endpoints: &[Endpoint::Webhook],
        queue_actions: &["sqs:SendMessage"],
        parking_queue_actions: &[],
        ledger_kinds: &[],
    },
    Function {
        name: "MessageDispatcher",
        endpoints: &[],
        queue_actions: &[
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
        ],
        parking_queue_actions: &["sqs:SendMessage"],
        ledger_kinds: &[Kind::Authorization, Kind::Delivery, Kind::Probe, Kind::Receipt, Kind::TextTrace],
    },
    Function {
        ledger_kinds: &[Kind::Authorization, Kind::Request],
        ..sender("AgentlessSender", &[Endpoint::Caller(Route::Agentless), Endpoint::Caller(Route::AgentlessCancel)])
    },
    Function {
        ledger_kinds: &[Kind::Authorization, Kind::Receipt, Kind::Request],
        ..sender("ReceiptPoster", &[Endpoint::Caller(Route::Receipts)])
    },
    Function {
        queue_actions: &["sqs:SendMessage"],
        ledger_kinds: &[Kind::Authorization, Kind::Request],
        ..sender("CardSender", &[Endpoint::Caller(Route::Cards)])
    },
    Function {
        ledger_kinds: &[Kind::Authorization, Kind::Inbound, Kind::Request],
        ..sender(
            "InboundSender",
            &[
                Endpoint::Caller(Route::InboundMessages),
                Endpoint::Caller(Route::InboundEvents),
                Endpoint::Caller(Route::InboundResponses),
            ],
        )
    },
    sender("AgentSender", &[Endpoint::Caller(Route::AgentMessages), Endpoint::Caller(Route::AgentTyping)]),
];

const fn sender(name: &'static str, endpoints: &'static [Endpoint]) -> Function {
    Function { name, endpoints, queue_actions: &[], parking_queue_actions: &[], ledger_kinds: &[Kind::Request] }
}

impl Function {
    /// The permissions of its role. Writers to an encrypted queue or secret generate data keys.
    pub(super) fn required_actions(&self) -> Vec<(Resource, &'static [&'static str])> {
        let renews_tokens = self.ledger_kinds.contains(&Kind::Authorization);
        let key_actions: &[_] = match self.queue_actions {
            [] if !renews_tokens => &["kms:Decrypt"],
            _ => &["kms:Decrypt", "kms:GenerateDataKey"],
        };
        let token_actions: &[_] = if renews_tokens { &["secretsmanager:PutSecretValue"] } else { &[] };
        let ledger_actions: &[_] = if self.ledger_kinds.is_empty() { &[] } else { &["dynamodb:UpdateItem"] };
        let mut required: Vec<(Resource, &[_])> = vec![
            (Resource::Logs, &["logs:CreateLogStream", "logs:PutLogEvents"]),
            (Resource::Secrets, &["secretsmanager:GetSecretValue"]),
            (Resource::Tokens, token_actions),
            (Resource::Queue, self.queue_actions),
            (Resource::ParkingQueue, self.parking_queue_actions),
            (Resource::Ledger, ledger_actions),
            (Resource::Key, key_actions),
        ];
        required.retain(|(_, actions)| !actions.is_empty());
        required
    }

    /// One ledger key of each kind that it writes.
    pub(super) fn ledger_keys(&self) -> Vec<String> {
        self.ledger_kinds.iter().map(|kind| format!("{}doctor", kind.prefix())).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::HashSet;
    use std::path::Path;
    use std::process::Command;

    #[test]
    fn every_route_has_one_function() {
        for route in Route::ALL {
            let endpoint = Endpoint::Caller(route);
            assert_eq!(
                1,
                FUNCTIONS.iter().filter(|function| function.endpoints.contains(&endpoint)).count(),
                "{route:?}"
            );
        }
    }

    /// The template's resources after the SAM transformation.
    fn template() -> Value {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut python = Command::new(root.join(".venv/bin/python"));
        let output = python.arg(root.join("infra/local/transform.py")).output();
        let output = output.unwrap_or_else(|error| panic!("no .venv/bin/python: {error}; run `make setup`"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut template: Value = serde_json::from_slice(&output.stdout).unwrap();
        template["Resources"].take()
    }

    /// The actions that a function's role grants in a stack with its own KMS key and without traces.
    fn allowed(resources: &Value, function: &str) -> HashSet<(Resource, String)> {
        let mut allowed = HashSet::new();
        let policies = &resources[format!("{function}Role")]["Properties"]["Policies"];
        for statement in policies
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap().iter())
        {
            let statement = match statement["Fn::If"][0].as_str() {
                None => statement,
                Some("HasKmsKey" | "KeepsFailedMessages") => &statement["Fn::If"][1],
                Some("IsTraced") => continue,
                Some(other) => panic!("unknown condition {other}"),
            };
            let resource = match &statement["Resource"] {
                one if *one == json!({"Fn::GetAtt": [format!("{function}Logs"), "Arn"]}) => Resource::Logs,
                one if *one == json!({"Fn::GetAtt": ["MessageQueue", "Arn"]}) => Resource::Queue,
                one if *one == json!({"Fn::GetAtt": ["ParkingQueue", "Arn"]}) => Resource::ParkingQueue,
                one if *one == json!({"Fn::GetAtt": ["Ledger", "Arn"]}) => Resource::Ledger,
                one if *one == json!({"Ref": "KmsKeyArn"}) => Resource::Key,
                one if one["Fn::Sub"].as_str().is_some_and(|arn| arn.ends_with(":secret:${SecretPrefix}/*")) => {
                    Resource::Secrets
                }
                one if one["Fn::Sub"]
                    .as_str()
                    .is_some_and(|arn| arn.ends_with(":secret:${SecretPrefix}/*/oauth-??????")) =>
                {
                    Resource::Tokens
                }
                other => panic!("unknown resource {other}"),
            };
            if resource == Resource::Ledger {
                let patterns = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
                let patterns = patterns.as_array().unwrap().iter().map(|pattern| pattern.as_str().unwrap());
                let named = FUNCTIONS.iter().find(|one| one.name == function).unwrap();
                let keys: Vec<_> = named.ledger_kinds.iter().map(|kind| format!("{}*", kind.prefix())).collect();
                assert_eq!(keys, patterns.collect::<Vec<_>>(), "{function}");
            }
            let actions = match &statement["Action"] {
                Value::Array(actions) => actions.clone(),
                one => vec![one.clone()],
            };
            allowed.extend(actions.iter().map(|action| (resource, action.as_str().unwrap().to_owned())));
        }
        allowed
    }

    #[test]
    fn required_permissions_are_exactly_those_of_the_template() {
        let resources = template();
        let in_template = resources.as_object().unwrap().values();
        let in_template = in_template.filter(|resource| resource["Type"] == "AWS::Lambda::Function").count();
        assert_eq!(in_template, FUNCTIONS.len());
        for function in FUNCTIONS {
            let required = function.required_actions().into_iter();
            let needed: HashSet<_> = required
                .flat_map(|(on, actions)| actions.iter().map(move |action| (on, (*action).to_owned())))
                .collect();
            assert_eq!(allowed(&resources, function.name), needed, "{}", function.name);
        }
    }
}
