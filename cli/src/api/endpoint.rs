use http::Method;
use shared::platform::Route;

/// A route of API Gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Webhook,
    Channel,
    ChannelStatus,
    ChannelFile,
    Caller(Route),
}

impl Endpoint {
    /// The path below `/integrations/{integration}/`, as in the template.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Channel => "channel",
            Self::ChannelStatus => "channel/status/{token}",
            Self::ChannelFile => "channel/files/{token}",
            Self::Caller(route) => route.path(),
        }
    }

    pub(crate) fn title(self) -> String {
        format!("{} …/{}", self.method(), self.path())
    }

    pub(crate) fn method(self) -> Method {
        match self {
            Self::Webhook | Self::Channel | Self::ChannelStatus => Method::POST,
            Self::ChannelFile => Method::GET,
            Self::Caller(route) => route.method(),
        }
    }

    /// The path below `/integrations/` for an integration, with ids that do not exist.
    pub(crate) fn path_of(self, integration: &str) -> String {
        const UNKNOWN_ID: &str = "00000000-0000-0000-0000-000000000000";
        const IDS: [&str; 3] = ["{conversationId}", "{communicationId}", "{token}"];
        let path = IDS.iter().fold(self.path().to_owned(), |path, id| path.replace(id, UNKNOWN_ID));
        format!("{integration}/{path}")
    }
}
