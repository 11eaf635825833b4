//! What breaks the rules of ARCHITECTURE.md today. These lists only shrink: a pair that no longer occurs is to be removed.

/// Modules of `shared` that import from a platform which is not theirs, and from which module.
pub(crate) const RESERVED: &[(&str, &str)] = &[
    // A card is queued as Genesys Cloud would send it.
    ("delivery::envelope", "platform::genesys_cloud"),
];

/// Modules of a function that import from a platform which is not theirs: its folder, the module, and from which one.
pub(crate) const RESERVED_IN_FUNCTIONS: &[(&str, &str, &str)] = &[
    // A card is queued as Genesys Cloud would send it.
    ("functions/card-sender", "messaging_service", "platform::genesys_cloud::structured"),
];
