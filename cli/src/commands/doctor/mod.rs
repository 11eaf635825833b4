//! `patchbay doctor`: checks everything end to end and says how to fix what fails. Its only side effect is a test
//! delivery.
//!
//! A fault is reported once: checks that depend on it are skipped.

mod callers;
mod channel;
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
mod quota;
mod region_search;
mod report;
mod reporter;
mod routes;
mod stack;
mod storage;
mod telegram;
mod twilio;
mod user_lookup;
mod version;
mod webhook;

use crate::aws::clock::ClockSkew;
use crate::aws::completion;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::output::Output;
use aws_config::SdkConfig;
use clap::Args;
use context::DoctorContext;
use credential_reuse::CredentialReuse;
use futures::{StreamExt, TryStreamExt, stream};
use report::{
    DATA, FUNCTIONS_GROUP, Finding, INTEGRATIONS, MACHINE, ROUTES, Report, STACK, caller_permissions, pluralize,
};
use reporter::{Group, Printer, Reporter};
use routes::Routes;
use shared::model::integration_name::IntegrationName;
use stack::{DeployedStack, Discovery};
use std::collections::HashSet;
use std::sync::Mutex;

const CONCURRENCY: usize = 8;

/// Check everything end to end
#[derive(Debug, Args)]
#[command(after_help = examples(&[
    "patchbay doctor",
    "patchbay doctor acme --skip-delivery",
    "patchbay doctor --problems",
]))]
pub(crate) struct Doctor {
    /// The integrations to check [default: all]
    #[arg(value_name = "INTEGRATION", add = completion::integrations())]
    integrations: Vec<IntegrationName>,
    /// Do not send test deliveries to the messaging services
    #[arg(long)]
    skip_delivery: bool,
    /// Show people only faults and warnings
    #[arg(long)]
    problems: bool,
}

pub(crate) async fn run(doctor: Doctor, stack: &Stack, output: Output) -> Result<(), CliError> {
    let (reporter, groups) = Reporter::new();
    let mut printer = Printer::new(output, doctor.problems);
    let (examined, mut checks) = tokio::join!(doctor.check(stack, &stack.aws, reporter), printer.print_all(groups));
    let Examined { clock, access_evaluated } = examined?;
    for (name, finding) in
        [("clock", clock::finding(clock)), ("own permissions", caller_permissions(&checks, access_evaluated))]
    {
        let check = finding.into_check(MACHINE, name);
        printer.print(&check);
        checks.push(check);
    }
    let report = Report::new(checks, output);
    output.data(&report);
    output.part(&report.summary());
    match report.faults {
        0 => Ok(()),
        faults => Err(CliError::ChecksFailed(pluralize(faults, "fault"))),
    }
}

/// What only all checks together show.
struct Examined {
    clock: Option<ClockSkew>,
    access_evaluated: bool,
}

impl Doctor {
    async fn check(&self, stack: &Stack, aws: &SdkConfig, reporter: Reporter) -> Result<Examined, CliError> {
        let Discovery { clock, access_evaluated, deployed } = stack::discover(stack, aws, &reporter.open(STACK)).await;
        let Some(deployed) = deployed else {
            for group in [FUNCTIONS_GROUP, DATA, ROUTES, INTEGRATIONS] {
                reporter.open(group).report("all", Finding::skipped("because the stack has not been found"));
            }
            return Ok(Examined { clock, access_evaluated });
        };
        let http = stack.http_client()?;
        let [functions, data, routes] = [FUNCTIONS_GROUP, DATA, ROUTES].map(|group| reporter.open(group));
        let of_lambda = functions.clone();
        let (routes, (), ()) = tokio::join!(
            check_routes(stack, &http, &deployed, routes, functions),
            check_lambda(&deployed, aws, of_lambda),
            storage::check(&deployed, aws, data)
        );
        let doctor = DoctorContext {
            stack,
            aws,
            http: &http,
            deployed: &deployed,
            routes: &routes,
            clock: clock::larger(clock, routes.clock),
            skip_delivery: self.skip_delivery,
            forged: Mutex::default(),
            credential_reuse: CredentialReuse::default(),
        };
        self.check_integrations(&doctor, &reporter).await?;
        Ok(Examined { clock: doctor.clock, access_evaluated })
    }

    async fn check_integrations(&self, doctor: &DoctorContext<'_>, reporter: &Reporter) -> Result<(), CliError> {
        let names = match self.integrations.as_slice() {
            [] => match integration::all(doctor).await {
                Ok(names) => names,
                Err(finding) => {
                    reporter.open(INTEGRATIONS).report("all", finding);
                    return Ok(());
                }
            },
            named => {
                let mut seen = HashSet::new();
                named.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
            }
        };
        if names.is_empty() {
            let advice = "connect one: `patchbay integration add NAME`";
            reporter.open(INTEGRATIONS).report("all", Finding::warning("no integrations", advice));
            return Ok(());
        }
        let groups: Vec<_> = names.iter().map(|name| (name, reporter.open(format!("integration {name}")))).collect();
        let checks = stream::iter(groups).map(|(name, group)| integration::check(doctor, name, group));
        checks.buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
        if let Some(finding) = doctor.credential_reuse.check() {
            reporter.open(INTEGRATIONS).report("callers' credentials", finding);
        }
        Ok(())
    }
}

async fn check_lambda(deployed: &DeployedStack, aws: &SdkConfig, group: Group) {
    tokio::join!(lambda::check(deployed, aws, &group), event_source::check(deployed, aws, &group));
}

/// A route may fail because its function lacks permissions.
async fn check_routes(
    stack: &Stack,
    http: &reqwest::Client,
    deployed: &DeployedStack,
    group: Group,
    functions: Group,
) -> Routes {
    // The group of the functions ends with their checks, even if the API does not answer.
    let permissions = async move { permissions::check(deployed, &stack.aws, &functions).await };
    let (answers, permissions) = tokio::join!(routes::probe(stack, http), permissions);
    routes::evaluate(answers, &permissions, &group)
}
