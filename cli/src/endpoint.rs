//! What the HTTP API has routes to.

use shared::platform::Route;

/// Something that API Gateway has a route to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The platforms' webhooks.
    Webhook,
    /// A sender route.
    Sender(Route),
}

impl Endpoint {
    /// Its path below `/integrations/{integration}/`, as the template has it.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Sender(route) => route.path(),
        }
    }

    /// How it is called in the report.
    pub(crate) fn title(self) -> String {
        format!("POST …/{}", self.path())
    }

    /// Its path below `/integrations/` for an integration, with ids that nothing has.
    pub(crate) fn path_of(self, integration: &str) -> String {
        const NOTHING: &str = "00000000-0000-0000-0000-000000000000";
        let path = self.path().replace("{conversationId}", NOTHING).replace("{communicationId}", NOTHING);
        format!("{integration}/{path}")
    }
}
