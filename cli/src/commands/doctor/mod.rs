//! `patchbay doctor`: checks everything end to end and says how to fix what fails. Its only side effect is a test
//! delivery.
//!
//! A fault is reported once: checks that depend on it are skipped.

mod callers;
mod circuits;
mod clock;
mod context;
mod conversations;
mod credential_reuse;
mod event_source;
mod functions;
mod genesys_cloud_profiles;
mod highlevel;
mod integration;
mod lambda;
mod messaging_service;
mod permissions;
mod platform;
mod probe;
mod quota;
mod region_search;
mod report;
mod routes;
mod stack;
mod storage;
mod user_lookup;
mod webhook;

use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::Output;
use aws_config::SdkConfig;
use clap::Args;
use context::DoctorContext;
use credential_reuse::CredentialReuse;
use futures::{StreamExt, TryStreamExt, stream};
use report::{
    Check, DATA, FUNCTIONS_GROUP, Finding, INTEGRATIONS, MACHINE, ROUTES, Report, caller_permissions, pluralize,
};
use shared::model::integration_name::IntegrationName;
use stack::Discovery;
use std::collections::HashSet;
use std::sync::Mutex;

const CONCURRENCY: usize = 8;

/// Check everything end to end
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The integrations to check [default: all]
    #[arg(value_name = "INTEGRATION")]
    integrations: Vec<IntegrationName>,
    /// Do not send test deliveries to the messaging services
    #[arg(long)]
    skip_delivery: bool,
}

pub(crate) async fn run(doctor: Doctor, stack: &Stack, output: Output) -> Result<(), CliError> {
    let report = Report::new(doctor.check(stack, &stack.aws).await?);
    output.result(&report, Report::human);
    match report.faults {
        0 => Ok(()),
        faults => Err(CliError::ChecksFailed(pluralize(faults, "fault"))),
    }
}

impl Doctor {
    async fn check(&self, stack: &Stack, aws: &SdkConfig) -> Result<Vec<Check>, CliError> {
        let Discovery { mut checks, clock, access_evaluated, deployed } = stack::discover(stack, aws).await;
        let Some(deployed) = deployed else {
            checks.push(clock::finding(clock).into_check(MACHINE, "clock"));
            let because = "because the stack has not been found";
            let groups = [ROUTES, FUNCTIONS_GROUP, DATA, INTEGRATIONS];
            checks.extend(groups.map(|group| Finding::skipped(because).into_check(group, "all")));
            return Ok(with_caller_permissions(checks, access_evaluated));
        };
        let http = stack.http_client()?;
        let (answers, permissions, lambda, events, data) = tokio::join!(
            routes::probe(stack, &http),
            permissions::check(&deployed, aws),
            lambda::check(&deployed, aws),
            event_source::check(&deployed, aws),
            storage::check(&deployed, aws)
        );
        let routes = routes::evaluate(answers, &deployed, &permissions);
        let clock = clock::larger(clock, routes.clock);
        checks.push(clock::finding(clock).into_check(MACHINE, "clock"));
        checks.extend(routes.checks.iter().cloned());
        checks.extend(permissions.checks);
        checks.extend(lambda);
        checks.extend(events);
        checks.extend(data);
        let doctor = DoctorContext {
            stack,
            aws,
            http: &http,
            deployed: &deployed,
            routes: &routes,
            clock,
            skip_delivery: self.skip_delivery,
            forged: Mutex::default(),
            credential_reuse: CredentialReuse::default(),
        };
        checks.extend(self.check_integrations(&doctor).await?);
        Ok(with_caller_permissions(checks, access_evaluated))
    }

    async fn check_integrations(&self, doctor: &DoctorContext<'_>) -> Result<Vec<Check>, CliError> {
        let names = match self.integrations.as_slice() {
            [] => match integration::all(doctor).await {
                Ok(names) => names,
                Err(finding) => return Ok(vec![finding.into_check(INTEGRATIONS, "all")]),
            },
            named => {
                let mut seen = HashSet::new();
                named.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
            }
        };
        if names.is_empty() {
            let advice = "connect one with `patchbay integration add NAME`";
            return Ok(vec![Finding::warning("no integrations", advice).into_check(INTEGRATIONS, "all")]);
        }
        let results = stream::iter(&names).map(|name| integration::check(doctor, name)).buffered(CONCURRENCY);
        let mut checks = results.try_collect::<Vec<_>>().await?.concat();
        checks.extend(doctor.credential_reuse.check());
        Ok(checks)
    }
}

/// The checks by group, with the permissions that this command's own credentials lack.
fn with_caller_permissions(mut checks: Vec<Check>, access_evaluated: bool) -> Vec<Check> {
    let own = caller_permissions(&checks, access_evaluated);
    checks.push(own.into_check(MACHINE, "own permissions"));
    // A stable sort: the other groups are in order already.
    checks.sort_by_key(|check| !check.is_in_group(MACHINE));
    checks
}
