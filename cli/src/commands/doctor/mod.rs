//! `patchbay doctor`: examines everything from end to end, without an effect but for a test delivery, and says what to do.
//!
//! A fault explains those that would follow from it: what hangs on it is skipped and not called a fault itself.

mod answer;
mod callers;
mod clock;
mod context;
mod credentials;
mod data;
mod deployed;
mod functions;
mod integration;
mod lambda;
mod messaging_service;
mod permissions;
mod platform;
mod report;
mod routes;
mod webhook;

use crate::failure::Failure;
use crate::output::Output;
use crate::stack::Stack;
use aws_config::SdkConfig;
use clap::Args;
use context::Examination;
use credentials::Credentials;
use deployed::Found;
use futures::{StreamExt, TryStreamExt, stream};
use report::{Check, DATA, FUNCTIONS_GROUP, Finding, INTEGRATIONS, MACHINE, ROUTES, Report, counted, own_permissions};
use shared::model::integration_name::IntegrationName;
use std::collections::HashSet;
use std::sync::Mutex;

/// How many integrations are examined at once.
const AT_ONCE: usize = 8;

/// Examines everything from end to end.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The integrations to examine; all of them unless named
    #[arg(value_name = "INTEGRATION")]
    integrations: Vec<IntegrationName>,
    /// Send no test delivery to the messaging services
    #[arg(long)]
    skip_delivery: bool,
}

pub(crate) async fn run(doctor: Doctor, stack: &Stack, output: Output) -> Result<(), Failure> {
    let report = Report::new(doctor.examine(stack, &stack.aws).await?);
    output.result(&report, Report::human);
    match report.faults {
        0 => Ok(()),
        faults => Err(Failure::Faults(counted(faults, "fault"))),
    }
}

impl Doctor {
    async fn examine(&self, stack: &Stack, aws: &SdkConfig) -> Result<Vec<Check>, Failure> {
        let Found { mut checks, clock, judged, deployed } = deployed::find(stack, aws).await;
        let Some(deployed) = deployed else {
            checks.push(clock::finding(clock).about(MACHINE, "clock"));
            let because = "because the stack has not been found";
            let groups = [ROUTES, FUNCTIONS_GROUP, DATA, INTEGRATIONS];
            checks.extend(groups.map(|group| Finding::skipped(because).about(group, "all")));
            return Ok(with_own_permissions(checks, judged));
        };
        let http = stack.http()?;
        let (answers, permissions, lambda, data) = tokio::join!(
            routes::ask(stack, &http),
            permissions::examine(&deployed, aws),
            lambda::examine(&deployed, aws),
            data::examine(&deployed, aws)
        );
        let routes = routes::judge(answers, &deployed, &permissions);
        let clock = clock::larger(clock, routes.clock);
        checks.push(clock::finding(clock).about(MACHINE, "clock"));
        checks.extend(routes.checks.iter().cloned());
        checks.extend(permissions.checks);
        checks.extend(lambda);
        checks.extend(data);
        let examination = Examination {
            stack,
            aws,
            http: &http,
            deployed: &deployed,
            routes: &routes,
            clock,
            skip_delivery: self.skip_delivery,
            forged: Mutex::default(),
            credentials: Credentials::default(),
        };
        checks.extend(self.examine_integrations(&examination).await?);
        Ok(with_own_permissions(checks, judged))
    }

    async fn examine_integrations(&self, examination: &Examination<'_>) -> Result<Vec<Check>, Failure> {
        let names = match self.integrations.as_slice() {
            [] => match integration::all(examination).await {
                Ok(names) => names,
                Err(finding) => return Ok(vec![finding.about(INTEGRATIONS, "all")]),
            },
            named => {
                let mut seen = HashSet::new();
                named.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
            }
        };
        if names.is_empty() {
            let advice = "connect one with `patchbay integration add NAME`";
            return Ok(vec![Finding::warning("there is none", advice).about(INTEGRATIONS, "all")]);
        }
        let examined = stream::iter(&names).map(|name| integration::examine(examination, name)).buffered(AT_ONCE);
        let mut checks = examined.try_collect::<Vec<_>>().await?.concat();
        checks.extend(examination.credentials.check());
        Ok(checks)
    }
}

/// The checks by their groups, with what the command's own user may not do.
fn with_own_permissions(mut checks: Vec<Check>, judged: bool) -> Vec<Check> {
    let own = own_permissions(&checks, judged);
    checks.push(own.about(MACHINE, "own permissions"));
    // What is about this machine comes first, in the order in which it was examined.
    checks.sort_by_key(|check| !check.is_about(MACHINE));
    checks
}
