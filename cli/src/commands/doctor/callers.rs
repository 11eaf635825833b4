//! Whether the sender routes know the callers: tried with a body that asks for nothing.

use super::answer::Answer;
use super::context::Subject;
use super::report::Finding;
use crate::caller::as_caller;
use crate::clock::Deviation;
use crate::endpoint::Endpoint;
use crate::output::plain;
use crate::trial;
use futures::future::join_all;
use jiff::Timestamp;
use shared::integration::{Caller, Credential};
use shared::platform::Route;

/// Tries each caller's credential.
pub(super) async fn examine(subject: &Subject<'_>) -> Vec<(String, Finding)> {
    let callers = &subject.integration.callers;
    if callers.is_empty() {
        return vec![("callers".to_owned(), Finding::ok("none: nobody may send through this integration"))];
    }
    join_all(
        callers
            .iter()
            .enumerate()
            // One that is listed twice is tried with its current secret: the use of the old one would look like the caller's.
            .filter(|(index, caller)| !callers.iter().take(*index).any(|other| other.name == caller.name))
            .map(|(_, caller)| async {
                (format!("caller {}", plain(&caller.name)), try_caller(subject, caller).await)
            }),
    )
    .await
}

async fn try_caller(subject: &Subject<'_>, caller: &Caller) -> Finding {
    let examination = subject.examination;
    let allowed = trial::allowed(&subject.integration, caller);
    if allowed.is_empty() {
        return Finding::warning(
            "is confined to routes that an integration of this platform does not have",
            "name the routes that it needs: `patchbay integration add NAME --replace --caller CALLER:ROUTE,…`",
        );
    }
    let Some(route) = trial::route(&allowed) else {
        return Finding::skipped("because the route that it is confined to cannot be tried without an effect");
    };
    let endpoint = Endpoint::Sender(route);
    if !examination.routes.works(endpoint) {
        return Finding::skipped(format!("because {} does not work", endpoint.title()));
    }
    let url = match examination.stack.route(&endpoint.path_of(subject.integration.name.as_str())).await {
        Ok(url) => url,
        Err(failure) => return Finding::skipped(format!("because {failure}")),
    };
    let signs = matches!(caller.credential, Credential::SigningSecret(_));
    if signs && examination.clock.is_some_and(Deviation::spoils_signatures) {
        return Finding::skipped("because the clock is wrong, and with it the signature");
    }
    let key = format!("msg_doctor_{}", Timestamp::now().as_nanosecond());
    let request = as_caller(&caller.credential, examination.http.post(url), &key, trial::NO_REQUEST.into());
    let answer = Answer::to(request).await;
    match &answer {
        Answer::Problem { kind, .. } if kind == "invalid-body" => Finding::ok(match &caller.routes {
            None => "is known, by its credential".to_owned(),
            Some(_) => {
                let allowed: Vec<_> = allowed.into_iter().map(Route::as_str).collect();
                format!("is known, by its credential; may use {} only", allowed.join(", "))
            }
        }),
        Answer::Problem { kind, .. } if kind == "unauthenticated" => Finding::fault(
            format!("is not known by {}, though its credential is in the integration's secret", endpoint.title()),
            "run this again in half a minute if the secret has only just been changed; else see whether something \
             between here and the function changes the request's headers",
        ),
        other => Finding::fault(
            format!("{} does not answer as it should: {}", endpoint.title(), other.seen()),
            "see what the function logs",
        ),
    }
}
