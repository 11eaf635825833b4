//! Requests that try a credential and ask for nothing: they are refused, but only once it is known who asks.

use shared::integration::{Caller, Integration};
use shared::platform::Route;

/// No platform writes this, and no version reads it as a message: once its signature is accepted it is refused.
pub(crate) const NO_MESSAGE: &str = "patchbay";

/// Every field that a route needs is missing.
pub(crate) const NO_REQUEST: &str = "{}";

/// The routes that refuse a request that asks for nothing, in the order in which they are tried.
const TRIED: [Route; 7] = [
    Route::Agentless,
    Route::Receipts,
    Route::Cards,
    Route::InboundMessages,
    Route::InboundResponses,
    Route::InboundEvents,
    Route::AgentMessages,
];

/// The routes that the caller may use.
pub(crate) fn allowed(integration: &Integration, caller: &Caller) -> Vec<Route> {
    integration.routes().filter(|route| caller.may_call(*route)).collect()
}

/// The one of these routes on which a credential is tried; none where that would have an effect.
pub(crate) fn route(allowed: &[Route]) -> Option<Route> {
    TRIED.into_iter().find(|route| allowed.contains(route))
}
