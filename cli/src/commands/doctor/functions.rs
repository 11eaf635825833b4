//! The functions of the template: which routes they answer, and what their roles must allow.

use shared::platform::Route;

/// One function.
#[derive(Debug)]
pub(super) struct Function {
    /// Its logical id in the template.
    pub(super) name: &'static str,
    /// What it answers.
    pub(super) endpoints: &'static [Endpoint],
    /// What it does on the queue.
    pub(super) on_queue: &'static [&'static str],
    /// What it does on the ledger's table.
    pub(super) on_ledger: &'static [&'static str],
}

/// Something that API Gateway has a route to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// The platforms' webhooks.
    Webhook,
    /// A sender route.
    Sender(Route),
}

/// All of them.
pub(super) const FUNCTIONS: [Function; 7] = [
    Function {
        name: "WebhookReceiver",
        endpoints: &[Endpoint::Webhook],
        on_queue: &["sqs:SendMessage"],
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
        on_ledger: &["dynamodb:UpdateItem"],
    },
    sender("AgentlessSender", &[Endpoint::Sender(Route::Agentless)]),
    sender("ReceiptPoster", &[Endpoint::Sender(Route::Receipts)]),
    Function { on_queue: &["sqs:SendMessage"], ..sender("CardSender", &[Endpoint::Sender(Route::Cards)]) },
    sender(
        "InboundSender",
        &[
            Endpoint::Sender(Route::InboundMessages),
            Endpoint::Sender(Route::InboundEvents),
            Endpoint::Sender(Route::InboundResponses),
        ],
    ),
    sender("AgentSender", &[Endpoint::Sender(Route::AgentMessages), Endpoint::Sender(Route::AgentTyping)]),
];

const fn sender(name: &'static str, endpoints: &'static [Endpoint]) -> Function {
    Function { name, endpoints, on_queue: &[], on_ledger: &["dynamodb:UpdateItem"] }
}

impl Endpoint {
    /// Its path below `/integrations/{integration}/`, as the template has it.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Sender(route) => route.path(),
        }
    }

    /// How it is called in the report.
    pub(super) fn title(self) -> String {
        format!("POST …/{}", self.path())
    }

    /// Its path below `/integrations/` for an integration, with ids that nothing has.
    pub(super) fn path_of(self, integration: &str) -> String {
        const NOTHING: &str = "00000000-0000-0000-0000-000000000000";
        let path = self.path().replace("{conversationId}", NOTHING).replace("{communicationId}", NOTHING);
        format!("{integration}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
