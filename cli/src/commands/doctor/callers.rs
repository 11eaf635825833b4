//! Whether the API accepts the callers' credentials, tested with an empty request.

use super::context::IntegrationContext;
use super::report::Finding;
use crate::api::client::sign_request;
use crate::api::endpoint::Endpoint;
use crate::api::probe::ProbeResponse;
use crate::api::trial_request;
use crate::aws::clock::ClockSkew;
use crate::ui::output::sanitize;
use futures::future::join_all;
use jiff::Timestamp;
use shared::api::problem::ProblemType;
use shared::integration::{Caller, Credential};
use shared::platform::Route;

pub(super) async fn check(context: &IntegrationContext<'_>) -> Vec<(String, Finding)> {
    let callers = &context.integration.callers;
    if callers.is_empty() {
        return vec![("callers".to_owned(), Finding::ok("none: no caller can send through this integration"))];
    }
    join_all(
        callers
            .iter()
            .enumerate()
            // A caller that is listed twice is tested with its current secret: use of the old one would count as the
            // caller's.
            .filter(|(index, caller)| !callers.iter().take(*index).any(|other| other.name == caller.name))
            .map(|(_, caller)| async {
                (format!("caller {}", sanitize(&caller.name)), check_caller(context, caller).await)
            }),
    )
    .await
}

async fn check_caller(context: &IntegrationContext<'_>, caller: &Caller) -> Finding {
    let doctor = context.doctor;
    let allowed = trial_request::allowed_routes(&context.integration, caller);
    if allowed.is_empty() {
        return Finding::warning(
            "is restricted to routes that an integration of this platform does not have",
            format!(
                "set the routes that it needs: `patchbay integration add {} --replace --caller {}:receipts,inbound`",
                context.integration.name,
                sanitize(&caller.name)
            ),
        );
    }
    let Some(route) = trial_request::trial_route(&allowed) else {
        return Finding::skipped("because the route that it is restricted to cannot be tested without a side effect");
    };
    let endpoint = Endpoint::Caller(route);
    if !doctor.routes.works(endpoint) {
        return Finding::skipped(format!("because {} does not work", endpoint.title()));
    }
    let url = match doctor.stack.route_url(&endpoint.path_of(context.integration.name.as_str())).await {
        Ok(url) => url,
        Err(failure) => return Finding::skipped(format!("because {failure}")),
    };
    let signs = matches!(caller.credential, Credential::SigningSecret(_));
    if signs && doctor.clock.is_some_and(ClockSkew::breaks_signatures) {
        return Finding::skipped("because the clock is wrong, and with it the signature");
    }
    let key = format!("msg_doctor_{}", Timestamp::now().as_nanosecond());
    let request = sign_request(&caller.credential, doctor.http.post(url), &key, trial_request::EMPTY_REQUEST.into());
    let answer = ProbeResponse::send(request).await;
    match &answer {
        ProbeResponse::Problem { kind, .. } if kind == ProblemType::InvalidBody.as_str() => {
            Finding::ok(match &caller.routes {
                None => "the stored credential is accepted".to_owned(),
                Some(_) => {
                    let allowed: Vec<_> = allowed.into_iter().map(Route::as_str).collect();
                    format!("the stored credential is accepted, for {} only", allowed.join(", "))
                }
            })
        }
        ProbeResponse::Problem { kind, .. } if kind == ProblemType::Unauthenticated.as_str() => Finding::fault(
            format!("{} refuses the stored credential", endpoint.title()),
            format!(
                "if the secret was just changed, run `patchbay doctor {}` again in half a minute; else check whether a \
                 proxy between this machine and the function changes the request's headers",
                context.integration.name
            ),
        ),
        other => Finding::fault(
            format!("unexpected response of {}: {}", endpoint.title(), other.summary()),
            format!("see the logs: `patchbay logs --integration {} --since 10m`", context.integration.name),
        ),
    }
}
