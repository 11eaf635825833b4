//! The functions of the template: which routes they answer, and what their roles must allow.

use crate::endpoint::Endpoint;
use shared::ledger::key::Kind;
use shared::platform::Route;

/// One function.
#[derive(Debug)]
pub(super) struct Function {
    /// Its logical id in the template.
    pub(super) name: &'static str,
    /// What it answers.
    pub(super) endpoints: &'static [Endpoint],
    /// What it does on the queue.
    on_queue: &'static [&'static str],
    /// What it does on the parking queue.
    on_parking: &'static [&'static str],
    /// The kinds of keys that it writes in the ledger's table.
    on_ledger: &'static [Kind],
}

/// What a function does something on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Resource {
    /// Its own log group.
    Logs,
    /// The integrations' secrets.
    Secrets,
    /// The queue of messages.
    Queue,
    /// The queue of failed messages, where they are kept.
    Parking,
    /// The ledger's table.
    Ledger,
    /// The stack's own key, where it has one.
    Key,
}

/// All of them.
pub(super) const FUNCTIONS: [Function; 7] = [
    Function {
        name: "WebhookReceiver",
        endpoints: &[Endpoint::Webhook],
        on_queue: &["sqs:SendMessage"],
        on_parking: &[],
        on_ledger: &[],
    },
    Function {
        name: "MessageDispatcher",
        endpoints: &[],
        on_queue: &[
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
        ],
        on_parking: &["sqs:SendMessage"],
        on_ledger: &[Kind::Delivery, Kind::Probe, Kind::Receipt, Kind::TextTrace],
    },
    sender("AgentlessSender", &[Endpoint::Sender(Route::Agentless)]),
    Function {
        on_ledger: &[Kind::Receipt, Kind::Request],
        ..sender("ReceiptPoster", &[Endpoint::Sender(Route::Receipts)])
    },
    Function { on_queue: &["sqs:SendMessage"], ..sender("CardSender", &[Endpoint::Sender(Route::Cards)]) },
    Function {
        on_ledger: &[Kind::Inbound, Kind::Request],
        ..sender(
            "InboundSender",
            &[
                Endpoint::Sender(Route::InboundMessages),
                Endpoint::Sender(Route::InboundEvents),
                Endpoint::Sender(Route::InboundResponses),
            ],
        )
    },
    sender("AgentSender", &[Endpoint::Sender(Route::AgentMessages), Endpoint::Sender(Route::AgentTyping)]),
];

const fn sender(name: &'static str, endpoints: &'static [Endpoint]) -> Function {
    Function { name, endpoints, on_queue: &[], on_parking: &[], on_ledger: &[Kind::Request] }
}

impl Function {
    /// What its role must allow. Whoever writes onto an encrypted queue makes data keys.
    pub(super) fn needs(&self) -> Vec<(Resource, &'static [&'static str])> {
        let on_key: &[_] = match self.on_queue {
            [] => &["kms:Decrypt"],
            _ => &["kms:Decrypt", "kms:GenerateDataKey"],
        };
        let on_ledger: &[_] = if self.on_ledger.is_empty() { &[] } else { &["dynamodb:UpdateItem"] };
        let mut needs: Vec<(Resource, &[_])> = vec![
            (Resource::Logs, &["logs:CreateLogStream", "logs:PutLogEvents"]),
            (Resource::Secrets, &["secretsmanager:GetSecretValue"]),
            (Resource::Queue, self.on_queue),
            (Resource::Parking, self.on_parking),
            (Resource::Ledger, on_ledger),
            (Resource::Key, on_key),
        ];
        needs.retain(|(_, actions)| !actions.is_empty());
        needs
    }

    /// Keys of the ledger, one of each kind that it writes.
    pub(super) fn ledger_keys(&self) -> Vec<String> {
        self.on_ledger.iter().map(|kind| format!("{}doctor", kind.prefix())).collect()
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
    fn every_route_is_some_functions() {
        for route in Route::ALL {
            let endpoint = Endpoint::Sender(route);
            assert_eq!(
                1,
                FUNCTIONS.iter().filter(|function| function.endpoints.contains(&endpoint)).count(),
                "{route:?}"
            );
        }
    }

    /// The resources of the template, as SAM transforms it.
    fn template() -> Value {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut python = Command::new(root.join(".venv/bin/python"));
        let output = python.arg(root.join("infra/local/transform.py")).output();
        let output = output.unwrap_or_else(|error| panic!("no .venv/bin/python: {error}; `make setup` makes it"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut template: Value = serde_json::from_slice(&output.stdout).unwrap();
        template["Resources"].take()
    }

    /// The actions of a function's role in a stack with an own key and without traces.
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
                Some(other) => panic!("nobody has said what {other} means"),
            };
            let resource = match &statement["Resource"] {
                one if *one == json!({"Fn::GetAtt": [format!("{function}Logs"), "Arn"]}) => Resource::Logs,
                one if *one == json!({"Fn::GetAtt": ["MessageQueue", "Arn"]}) => Resource::Queue,
                one if *one == json!({"Fn::GetAtt": ["ParkingQueue", "Arn"]}) => Resource::Parking,
                one if *one == json!({"Fn::GetAtt": ["Ledger", "Arn"]}) => Resource::Ledger,
                one if *one == json!({"Ref": "KmsKeyArn"}) => Resource::Key,
                one if one["Fn::Sub"].as_str().is_some_and(|arn| arn.ends_with(":secret:${SecretPrefix}/*")) => {
                    Resource::Secrets
                }
                other => panic!("nobody has said what {other} is"),
            };
            if resource == Resource::Ledger {
                let patterns = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
                let patterns = patterns.as_array().unwrap().iter().map(|pattern| pattern.as_str().unwrap());
                let named = FUNCTIONS.iter().find(|one| one.name == function).unwrap();
                let keys: Vec<_> = named.on_ledger.iter().map(|kind| format!("{}*", kind.prefix())).collect();
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
    fn what_is_asked_of_each_role_is_exactly_what_the_template_gives_it() {
        let resources = template();
        let in_template = resources.as_object().unwrap().values();
        let in_template = in_template.filter(|resource| resource["Type"] == "AWS::Lambda::Function").count();
        assert_eq!(in_template, FUNCTIONS.len());
        for function in FUNCTIONS {
            let needs = function.needs().into_iter();
            let needed: HashSet<_> =
                needs.flat_map(|(on, actions)| actions.iter().map(move |action| (on, (*action).to_owned()))).collect();
            assert_eq!(allowed(&resources, function.name), needed, "{}", function.name);
        }
    }
}
