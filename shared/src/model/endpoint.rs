//! An endpoint of an integration: what its messages or its receipts are posted to. One may be unavailable while the other is
//! not.

use crate::model::integration_name::IntegrationName;
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    pub integration: IntegrationName,
    pub kind: EndpointKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointKind {
    /// The company's messaging service, or the channel in its place.
    MessagingService,
    /// The platform's API.
    Platform,
}

impl EndpointKind {
    pub const ALL: [Self; 2] = [Self::MessagingService, Self::Platform];

    /// The name in the log and in the ledger's keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessagingService => "messaging-service",
            Self::Platform => "platform",
        }
    }
}

impl Endpoint {
    #[must_use]
    pub const fn new(integration: IntegrationName, kind: EndpointKind) -> Self {
        Self { integration, kind }
    }
}

impl fmt::Display for EndpointKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
