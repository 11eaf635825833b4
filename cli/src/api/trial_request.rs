//! Requests that test a credential without side effects: their body is invalid, and is rejected only after
//! authentication.

use shared::integration::{Caller, Integration};
use shared::platform::Route;

/// No version parses this as a message: it is rejected once its signature is accepted.
pub(crate) const INVALID_WEBHOOK: &str = "patchbay";

/// Lacks every field that a route requires.
pub(crate) const EMPTY_REQUEST: &str = "{}";

/// The routes that reject an empty request, in the order of preference. (Typing accepts one.)
const TRIAL_ORDER: [Route; 8] = [
    Route::Agentless,
    Route::AgentlessCancel,
    Route::Receipts,
    Route::Cards,
    Route::InboundMessages,
    Route::InboundResponses,
    Route::InboundEvents,
    Route::AgentMessages,
];

pub(crate) fn allowed_routes(integration: &Integration, caller: &Caller) -> Vec<Route> {
    integration.routes().filter(|route| caller.may_call(*route)).collect()
}

/// The route to test a credential on; `None` if each would have a side effect.
pub(crate) fn trial_route(allowed: &[Route]) -> Option<Route> {
    TRIAL_ORDER.into_iter().find(|route| allowed.contains(route))
}
