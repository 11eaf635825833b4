//! Whether API Gateway has every route of the template, and the functions behind them answer.

use super::answer::Answer;
use super::clock;
use super::deployed::Deployed;
use super::functions::FUNCTIONS;
use super::permissions::Permissions;
use super::report::{Check, Finding, ROUTES, Verdict};
use crate::clock::Deviation;
use crate::endpoint::Endpoint;
use crate::stack::Stack;
use futures::future::join_all;

/// An integration that nobody has: the functions are to say so.
const NOBODY: &str = "patchbay-doctor-asks-for-nobody";

/// What is known of the routes.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub(super) checks: Vec<Check>,
    pub(super) clock: Option<Deviation>,
    working: Vec<Endpoint>,
}

impl Routes {
    /// Whether something can be asked of the route.
    pub(super) fn works(&self, endpoint: Endpoint) -> bool {
        self.working.contains(&endpoint)
    }
}

/// Asks every route for an integration that is not there.
pub(super) async fn ask(stack: &Stack, http: &reqwest::Client) -> Vec<(Endpoint, &'static str, Answer)> {
    let all =
        FUNCTIONS.iter().flat_map(|function| function.endpoints.iter().map(|endpoint| (*endpoint, function.name)));
    join_all(all.map(|(endpoint, function)| async move {
        let answer = match stack.route(&endpoint.path_of(NOBODY)).await {
            Ok(url) => Answer::to(http.post(url).header("content-type", "application/json").body("{}")).await,
            Err(failure) => Answer::None { cause: failure.to_string(), connected: false },
        };
        (endpoint, function, answer)
    }))
    .await
}

/// What the answers mean.
pub(super) fn judge(
    answers: Vec<(Endpoint, &'static str, Answer)>,
    deployed: &Deployed,
    permissions: &Permissions,
) -> Routes {
    let mut routes = Routes::default();
    // When nobody is there at all, it is said once.
    let unreachable = answers.iter().all(|(_, _, answer)| matches!(answer, Answer::None { connected: false, .. }));
    if let (true, Some((_, _, Answer::None { cause, .. }))) = (unreachable, answers.first()) {
        let advice = "see whether this machine reaches the API, and whether its address is right: the stack's output \
                      ApiUrl, or what --api-url or API_URL says";
        routes.checks.push(Finding::fault(format!("the API is out of reach: {cause}"), advice).about(ROUTES, "API"));
        return routes;
    }
    if let Some(status) = stranger(&answers) {
        let advice = "see --api-url or API_URL, or the stack's output ApiUrl: something else is at that address";
        let seen = format!("what answers is not Patchbay's API: status {status} for every route");
        routes.checks.push(Finding::fault(seen, advice).about(ROUTES, "API"));
        return routes;
    }
    for (endpoint, function, answer) in answers {
        let logs = deployed.resource(&format!("{function}Logs"));
        let finding = finding(endpoint, function, &answer, logs, permissions);
        if finding.verdict == Verdict::Ok {
            routes.working.push(endpoint);
        }
        routes.clock = clock::larger(routes.clock, answer.clock());
        routes.checks.push(finding.about(ROUTES, &endpoint.title()));
    }
    routes
}

/// The status with which something answers that is neither a function nor API Gateway, be it a page or a redirect.
fn stranger(answers: &[(Endpoint, &str, Answer)]) -> Option<u16> {
    let mut statuses = answers.iter().map(|(_, _, answer)| match answer {
        Answer::Other { status: 403 | 429, .. } => None, // a WAF's, and API Gateway's own
        Answer::Other { status: status @ 200..=499, .. } => Some(*status),
        _ => None,
    });
    let first = statuses.next()??;
    statuses.all(|status| status == Some(first)).then_some(first)
}

fn finding(
    endpoint: Endpoint,
    function: &str,
    answer: &Answer,
    logs: Option<&str>,
    permissions: &Permissions,
) -> Finding {
    let look = match logs {
        Some(group) => format!("see what it logs: `aws logs tail {group} --since 10m`"),
        None => format!("see what {function} logs"),
    };
    match answer {
        Answer::Problem { kind, .. } if kind == "integration-not-found" => Finding::ok(format!("{function} answers")),
        Answer::Missing => Finding::fault(
            format!("API Gateway has no route POST /integrations/{{integration}}/{}", endpoint.path()),
            "deploy the template again (`make deploy`), which has the route; behind a custom domain, see its mapping",
        ),
        Answer::Problem { kind, .. } if kind == "route-not-found" => Finding::fault(
            format!("the route leads to {function}, which does not know it"),
            "deploy template and functions of the same version (`make deploy`)",
        ),
        Answer::Problem { status, .. } | Answer::Other { status, .. } if permissions.lacking.contains(function) => {
            Finding::skipped(format!("because {function} lacks permissions; it answers {status}"))
        }
        Answer::Problem { status, kind, .. } => {
            Finding::fault(format!("{function} answers {status} {kind} where nothing is wrong with the request"), look)
        }
        Answer::Other { status: 403, .. } => Finding::fault(
            "something before the function answers 403: a WAF, or a policy of the API",
            "see which rule of the WAF refuses this machine's requests",
        ),
        Answer::Other { status: 429, .. } => Finding::fault(
            "API Gateway answers 429: the route is throttled",
            "run this again in a while; if it stays so, raise the route's limits or the account's",
        ),
        Answer::Other { status, .. } => {
            Finding::fault(format!("{function} does not answer properly: status {status}"), look)
        }
        Answer::None { cause, .. } => Finding::fault(format!("no answer: {cause}"), look),
    }
}
