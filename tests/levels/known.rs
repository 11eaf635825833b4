//! What breaks the rules of ARCHITECTURE.md today. These lists only shrink: a pair that no longer occurs is to be removed.

/// Modules of `shared` that import from a higher level, and from which module.
pub(crate) const UPWARD: &[(&str, &str)] = &[
    // The platform's name is declared by the registry.
    ("model::message", "platform"),
    ("platform::genesys_cloud::api", "platform"),
    ("platform::genesys_cloud::normalize", "platform"),
    ("platform::highlevel::api", "platform"),
    ("platform::highlevel::normalize", "platform"),
    ("platform::multicloud_cx::api", "platform"),
    ("platform::multicloud_cx::normalize", "platform"),
    ("platform::transport", "platform"),
    // So are secrets, and how they are read, by the integration.
    ("platform::genesys_cloud::api::open_integrations", "integration"),
    ("platform::genesys_cloud::config", "integration"),
    ("platform::highlevel::config", "integration"),
    ("platform::multicloud_cx::api", "integration"),
    ("platform::multicloud_cx::config", "integration"),
    // What every platform implements is written in the words of one.
    ("platform::api", "platform::genesys_cloud::api::agent"),
    ("platform::api", "platform::genesys_cloud::api::agentless"),
    ("platform::api", "platform::genesys_cloud::api::media"),
];

/// Modules of `shared` that import from a platform which is not theirs, and from which module.
pub(crate) const RESERVED: &[(&str, &str)] = &[
    // A card is queued as Genesys Cloud would send it.
    ("delivery::envelope", "platform::genesys_cloud"),
    // The log of a caller's request has the conversation that it is about.
    ("api::access_log", "platform::genesys_cloud::api::agent"),
    ("platform::api", "platform::genesys_cloud::api::agent"),
    ("platform::api", "platform::genesys_cloud::api::agentless"),
    ("platform::api", "platform::genesys_cloud::api::media"),
];

/// Modules of a function that import from a platform which is not theirs: its folder, the module, and from which one.
pub(crate) const RESERVED_IN_FUNCTIONS: &[(&str, &str, &str)] = &[
    // A card is queued as Genesys Cloud would send it, and its text goes into a conversation of Genesys Cloud.
    ("functions/card-sender", "messaging_service", "platform::genesys_cloud::structured"),
    ("functions/card-sender", "messaging_service", "platform::genesys_cloud::api::agentless"),
];

/// Imports of a function that close a circle: its folder, and the two modules.
pub(crate) const CIRCLES: &[(&str, &str, &str)] =
    &[("functions/message-dispatcher", "end", "message"), ("functions/message-dispatcher", "patience", "dispatcher")];
