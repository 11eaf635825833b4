//! Whether API Gateway has every route of the template, and the functions behind the routes respond.

use super::clock;
use super::functions::FUNCTIONS;
use super::permissions::Permissions;
use super::report::{Finding, Status};
use super::reporter::Group;
use crate::api::endpoint::Endpoint;
use crate::api::probe::{PROBE_INTEGRATION, ProbeResponse};
use crate::aws::clock::ClockSkew;
use crate::aws::log_groups::recent_logs;
use crate::aws::stack::Stack;
use futures::future::join_all;
use shared::api::problem::ProblemType;

#[derive(Debug, Default)]
pub(super) struct Routes {
    pub(super) clock: Option<ClockSkew>,
    working: Vec<Endpoint>,
}

impl Routes {
    pub(super) fn works(&self, endpoint: Endpoint) -> bool {
        self.working.contains(&endpoint)
    }
}

/// Calls every route for an integration that does not exist.
pub(super) async fn probe(stack: &Stack, http: &reqwest::Client) -> Vec<(Endpoint, &'static str, ProbeResponse)> {
    let all =
        FUNCTIONS.iter().flat_map(|function| function.endpoints.iter().map(|endpoint| (*endpoint, function.name)));
    join_all(all.map(|(endpoint, function)| async move {
        let answer = match stack.route_url(&endpoint.path_of(PROBE_INTEGRATION)).await {
            Ok(url) => {
                let request = http.request(endpoint.method(), url).header("content-type", "application/json");
                ProbeResponse::send(request.body("{}")).await
            }
            Err(failure) => ProbeResponse::NoResponse { cause: failure.to_string(), connected: false },
        };
        (endpoint, function, answer)
    }))
    .await
}

pub(super) fn evaluate(
    answers: Vec<(Endpoint, &'static str, ProbeResponse)>,
    permissions: &Permissions,
    group: &Group,
) -> Routes {
    let mut routes = Routes::default();
    // An API that cannot be reached at all is reported once.
    let unreachable =
        answers.iter().all(|(_, _, answer)| matches!(answer, ProbeResponse::NoResponse { connected: false, .. }));
    if let (true, Some((_, _, ProbeResponse::NoResponse { cause, .. }))) = (unreachable, answers.first()) {
        let advice = "check this machine's connection, and the API's address: the stack's output ApiUrl, or --api-url or \
                      API_URL";
        group.report("API", Finding::fault(format!("the API cannot be reached: {cause}"), advice));
        return routes;
    }
    if let Some(status) = unexpected_server(&answers) {
        let advice = "check --api-url or API_URL, or the stack's output ApiUrl: another server is at that address";
        let observed = format!("the server that responds is not Patchbay's API: status {status} for every route");
        group.report("API", Finding::fault(observed, advice));
        return routes;
    }
    for (endpoint, function, answer) in answers {
        let finding = finding(endpoint, function, &answer, permissions);
        if finding.status == Status::Ok {
            routes.working.push(endpoint);
        }
        routes.clock = clock::larger(routes.clock, answer.clock());
        group.report(&endpoint.title(), finding);
    }
    routes
}

/// The status of a server that is neither a function nor API Gateway, such as a web site or a redirect.
fn unexpected_server(answers: &[(Endpoint, &str, ProbeResponse)]) -> Option<u16> {
    let mut statuses = answers.iter().map(|(_, _, answer)| match answer {
        ProbeResponse::Other { status: 403 | 429, .. } => None, // a WAF's, and API Gateway's own
        ProbeResponse::Other { status: status @ 200..=499, .. } => Some(*status),
        _ => None,
    });
    let first = statuses.next()??;
    statuses.all(|status| status == Some(first)).then_some(first)
}

fn finding(endpoint: Endpoint, function: &str, answer: &ProbeResponse, permissions: &Permissions) -> Finding {
    let see_logs = format!("see its logs: `{}`", recent_logs(function));
    match answer {
        ProbeResponse::Problem { kind, .. } if kind == ProblemType::IntegrationNotFound.as_str() => {
            Finding::ok(format!("{function} responds"))
        }
        ProbeResponse::NoRoute => Finding::fault(
            format!("API Gateway has no route {} /integrations/{{integration}}/{}", endpoint.method(), endpoint.path()),
            "deploy the template again (`make deploy`), which has the route; with a custom domain, check its mapping",
        ),
        ProbeResponse::Problem { kind, .. } if kind == ProblemType::RouteNotFound.as_str() => Finding::fault(
            format!("the route leads to {function}, which does not know it"),
            "deploy the template and the functions of the same version (`make deploy`)",
        ),
        ProbeResponse::Problem { status, .. } | ProbeResponse::Other { status, .. }
            if permissions.lacking_functions.contains(function) =>
        {
            Finding::skipped(format!("because {function} lacks permissions; it answers {status}"))
        }
        ProbeResponse::Problem { status, kind, .. } => {
            Finding::fault(format!("{function} answers {status} {kind} to a valid request"), see_logs)
        }
        ProbeResponse::Other { status: 403, .. } => Finding::fault(
            "403 from before the function: from a WAF, or a policy of the API",
            "find the rule that refuses this machine's requests, in the API's access log or the WAF's log",
        ),
        ProbeResponse::Other { status: 429, .. } => Finding::fault(
            "API Gateway answers 429: the route is throttled",
            "run this again later; if it persists, raise the limits of the route or the account",
        ),
        ProbeResponse::Other { status, .. } => {
            Finding::fault(format!("unexpected response of {function}: status {status}"), see_logs)
        }
        ProbeResponse::NoResponse { cause, .. } => Finding::fault(format!("no response: {cause}"), see_logs),
    }
}
