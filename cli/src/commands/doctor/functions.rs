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
    retry_queue_actions: &'static [&'static str],
    parking_queue_actions: &'static [&'static str],
    event_queue_actions: &'static [&'static str],
    event_dead_letter_actions: &'static [&'static str],
    /// The kinds of ledger keys that it writes.
    ledger_kinds: &'static [Kind],
    /// Those that it writes in a stack that receives conversation events.
    conversation_kinds: &'static [Kind],
    /// Those that it reads singly.
    read_kinds: &'static [Kind],
    /// Those of which it reads several at once.
    batch_read_kinds: &'static [Kind],
}

/// Actions on a resource that a role must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) on: Resource,
    pub(super) actions: &'static [&'static str],
    /// The kinds of the keys, for the ledger.
    pub(super) kinds: &'static [Kind],
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
    /// The retry lane.
    RetryQueue,
    ParkingQueue,
    /// The queue of conversation events.
    EventQueue,
    EventDeadLetters,
    Ledger,
    /// The stack's own KMS key, if it has one.
    Key,
}

pub(super) const FUNCTIONS: [Function; 8] = [
    Function {
        endpoints: &[Endpoint::Webhook],
        queue_actions: &["sqs:SendMessage"],
        ledger_kinds: &[],
        ..NO_ACCESS.named("WebhookReceiver")
    },
    Function {
        endpoints: &[Endpoint::Channel, Endpoint::ChannelStatus, Endpoint::ChannelFile],
        queue_actions: &["sqs:SendMessage"],
        ledger_kinds: &[],
        ..NO_ACCESS.named("ChannelReceiver")
    },
    Function {
        queue_actions: LANE_ACTIONS,
        retry_queue_actions: LANE_ACTIONS,
        parking_queue_actions: &["sqs:SendMessage"],
        ledger_kinds: &[
            Kind::Authorization,
            Kind::Circuit,
            Kind::Contact,
            Kind::Delivery,
            Kind::Inbound,
            Kind::Lane,
            Kind::Offer,
            Kind::Probe,
            Kind::Receipt,
            Kind::TextTrace,
        ],
        conversation_kinds: &[Kind::Channel, Kind::Conversation],
        read_kinds: &[Kind::Contact, Kind::Offer],
        batch_read_kinds: &[Kind::Circuit, Kind::Lane],
        ..NO_ACCESS.named("MessageDispatcher")
    },
    Function {
        ledger_kinds: &[Kind::Authorization, Kind::Request],
        conversation_kinds: &[Kind::Conversation],
        ..sender("AgentlessSender", &[Endpoint::Caller(Route::Agentless), Endpoint::Caller(Route::AgentlessCancel)])
    },
    Function {
        queue_actions: &["sqs:SendMessage"],
        ledger_kinds: &[Kind::Authorization, Kind::Receipt, Kind::Request],
        ..sender("ReceiptPoster", &[Endpoint::Caller(Route::Receipts)])
    },
    Function { queue_actions: &["sqs:SendMessage"], ..sender("CardSender", &[Endpoint::Caller(Route::Cards)]) },
    Function {
        queue_actions: &["sqs:SendMessage"],
        ledger_kinds: &[Kind::Authorization, Kind::Inbound, Kind::Request],
        conversation_kinds: &[Kind::Conversation],
        ..sender(
            "InboundSender",
            &[
                Endpoint::Caller(Route::InboundMessages),
                Endpoint::Caller(Route::InboundEvents),
                Endpoint::Caller(Route::InboundResponses),
            ],
        )
    },
    sender(
        "AgentSender",
        &[
            Endpoint::Caller(Route::AgentMessages),
            Endpoint::Caller(Route::AgentTyping),
            Endpoint::Caller(Route::ConversationsShow),
            Endpoint::Caller(Route::ConversationsEnd),
        ],
    ),
];

/// The function of a stack that receives conversation events.
pub(super) const CONVERSATION_EVENTS: Function = Function {
    queue_actions: &["sqs:SendMessage"],
    event_queue_actions: &[
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    ],
    event_dead_letter_actions: &["sqs:SendMessage"],
    conversation_kinds: &[Kind::Conversation],
    read_kinds: &[Kind::Channel, Kind::Conversation],
    ..NO_ACCESS.named("ConversationEvents")
};

/// What the function that receives from a lane does there.
const LANE_ACTIONS: &[&str] = &[
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
];

const NO_ACCESS: Function = Function {
    name: "",
    endpoints: &[],
    queue_actions: &[],
    retry_queue_actions: &[],
    parking_queue_actions: &[],
    event_queue_actions: &[],
    event_dead_letter_actions: &[],
    ledger_kinds: &[],
    conversation_kinds: &[],
    read_kinds: &[],
    batch_read_kinds: &[],
};

const fn sender(name: &'static str, endpoints: &'static [Endpoint]) -> Function {
    Function { endpoints, ledger_kinds: &[Kind::Request], ..NO_ACCESS.named(name) }
}

/// The functions of a stack.
pub(super) fn functions(receives_events: bool) -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().chain(receives_events.then_some(&CONVERSATION_EVENTS))
}

impl Function {
    const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The permissions of its role. Writers to an encrypted queue or secret generate data keys.
    pub(super) fn requirements(&self, receives_events: bool) -> Vec<Requirement> {
        let renews_tokens = self.ledger_kinds.contains(&Kind::Authorization);
        let key_actions: &[_] = match self.queue_actions {
            [] if !renews_tokens => &["kms:Decrypt"],
            _ => &["kms:Decrypt", "kms:GenerateDataKey"],
        };
        let token_actions: &[_] = if renews_tokens { &["secretsmanager:PutSecretValue"] } else { &[] };
        // It has no configuration of an integration: it only needs the integration's name.
        let secret_actions: &[_] =
            if self.event_queue_actions.is_empty() { &["secretsmanager:GetSecretValue"] } else { &[] };
        let on = |on, actions| Requirement { on, actions, kinds: &[] };
        let on_ledger = |actions, kinds| Requirement { on: Resource::Ledger, actions, kinds };
        let mut required = vec![
            on(Resource::Logs, &["logs:CreateLogStream", "logs:PutLogEvents"]),
            on(Resource::Secrets, secret_actions),
            on(Resource::Tokens, token_actions),
            on(Resource::Queue, self.queue_actions),
            on(Resource::RetryQueue, self.retry_queue_actions),
            on(Resource::ParkingQueue, self.parking_queue_actions),
            on(Resource::EventQueue, self.event_queue_actions),
            on(Resource::EventDeadLetters, self.event_dead_letter_actions),
            on_ledger(&["dynamodb:UpdateItem"], self.ledger_kinds),
            on_ledger(&["dynamodb:UpdateItem"], if receives_events { self.conversation_kinds } else { &[] }),
            on_ledger(&["dynamodb:GetItem"], self.read_kinds),
            on_ledger(&["dynamodb:BatchGetItem"], self.batch_read_kinds),
            on(Resource::Key, key_actions),
        ];
        required.retain(|one| match one.on {
            Resource::Ledger => !one.kinds.is_empty(),
            _ => !one.actions.is_empty(),
        });
        required
    }
}

impl Requirement {
    /// One ledger key of each kind.
    pub(super) fn ledger_keys(&self) -> Vec<String> {
        self.kinds.iter().map(|kind| format!("{}doctor", kind.prefix())).collect()
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

    /// What a function's role grants in a stack with its own KMS key and conversation events, and without traces: the
    /// resource, the action, and the patterns of the ledger's keys.
    fn allowed(resources: &Value, function: &str) -> HashSet<(Resource, String, Vec<String>)> {
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
                Some("HasKmsKey" | "KeepsFailedMessages" | "HasGenesysEventSource") => &statement["Fn::If"][1],
                Some("IsTraced") => continue,
                Some(other) => panic!("unknown condition {other}"),
            };
            if statement["Effect"] == "Deny" {
                continue;
            }
            let resources = match &statement["Resource"] {
                Value::Array(several) => several.iter().collect(),
                one => vec![one],
            };
            let resources = resources.into_iter().map(|resource| match resource {
                one if *one == json!({"Fn::GetAtt": [format!("{function}Logs"), "Arn"]}) => Resource::Logs,
                one if *one == json!({"Fn::GetAtt": ["MessageQueue", "Arn"]}) => Resource::Queue,
                one if *one == json!({"Fn::GetAtt": ["RetryQueue", "Arn"]}) => Resource::RetryQueue,
                one if *one == json!({"Fn::GetAtt": ["ParkingQueue", "Arn"]}) => Resource::ParkingQueue,
                one if *one == json!({"Fn::GetAtt": ["ConversationEventQueue", "Arn"]}) => Resource::EventQueue,
                one if *one == json!({"Fn::GetAtt": ["ConversationEventDeadLetterQueue", "Arn"]}) => {
                    Resource::EventDeadLetters
                }
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
            });
            let patterns = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
            let patterns = patterns.as_array().into_iter().flatten().map(|one| one.as_str().unwrap().to_owned());
            let patterns: Vec<_> = patterns.collect();
            let actions = match &statement["Action"] {
                Value::Array(actions) => actions.clone(),
                one => vec![one.clone()],
            };
            for resource in resources {
                let actions = actions.iter().map(|action| action.as_str().unwrap().to_owned());
                allowed.extend(actions.map(|action| (resource, action, patterns.clone())));
            }
        }
        allowed
    }

    #[test]
    fn required_permissions_are_exactly_those_of_the_template() {
        let resources = template();
        let in_template = resources.as_object().unwrap().values();
        let in_template = in_template.filter(|resource| resource["Type"] == "AWS::Lambda::Function").count();
        assert_eq!(in_template, functions(true).count());
        for function in functions(true) {
            let needed: HashSet<_> = function
                .requirements(true)
                .into_iter()
                .flat_map(|Requirement { on, actions, kinds }| {
                    let patterns: Vec<_> = kinds.iter().map(|kind| format!("{}*", kind.prefix())).collect();
                    actions.iter().map(move |action| (on, (*action).to_owned(), patterns.clone()))
                })
                .collect();
            assert_eq!(allowed(&resources, function.name), needed, "{}", function.name);
        }
    }
}
