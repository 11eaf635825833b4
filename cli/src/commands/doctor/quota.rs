//! Whether Lambda's concurrency in the account is enough for deliveries, webhooks and callers together.

use super::report::Finding;
use super::stack::DeployedStack;
use crate::aws::error::AwsError;
use aws_sdk_lambda::Client;

/// What deliveries leave to webhooks and callers, or half where there is less: 50 at once are 2,500 webhooks per second.
/// `make deploy` has the same rule; docs/limits.md has examples, which tests compare with both.
const LEFT_TO_REQUESTS: u32 = 50;
/// The template's defaults for both lanes together.
const BOTH_LANES: u32 = 120;
/// The maximum concurrency of the conversation events' queue.
const EVENTS: u32 = 10;

/// The least that SQS takes as a queue's maximum concurrency.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html#events-sqs-max-concurrency>
const LEAST: u32 = 2;

/// The parameters of the stack that decide how much concurrency deliveries may take.
#[derive(Debug, Clone, Copy)]
struct Deliveries {
    direct: u32,
    retry: u32,
    events: u32,
    reserved: u32,
}

pub(super) async fn check(client: &Client, deployed: &DeployedStack) -> Finding {
    let number = |key: &'static str| {
        let value = deployed.parameter(key).and_then(|value| value.parse().ok());
        value.ok_or_else(|| Finding::skipped(format!("because the stack has no parameter {key}")))
    };
    let deliveries = || {
        Ok(Deliveries {
            direct: number("DispatcherConcurrency")?,
            retry: number("RetryConcurrency")?,
            events: if deployed.receives_events() { EVENTS } else { 0 },
            reserved: number("DispatcherReservedConcurrency")?,
        })
    };
    let deliveries = match deliveries() {
        Ok(deliveries) => deliveries,
        Err(finding) => return finding,
    };
    let region = client.config().region().map(AsRef::as_ref).unwrap_or_default();
    match client.get_account_settings().send().await {
        Ok(answer) => {
            let limits = answer.account_limit.unwrap_or_else(|| aws_sdk_lambda::types::AccountLimit::builder().build());
            let at_least_0 = |count: i32| u32::try_from(count).unwrap_or_default();
            let shared = at_least_0(limits.unreserved_concurrent_executions().unwrap_or_default());
            classify(deliveries, at_least_0(limits.concurrent_executions()), shared, region)
        }
        Err(error) => Finding::from_aws_error(
            AwsError::of("lambda:GetAccountSettings", &error),
            "the account",
            "see what AWS says",
        ),
    }
}

/// `shared` is what no function of the account has reserved.
fn classify(deliveries: Deliveries, total: u32, shared: u32, region: &str) -> Finding {
    let Deliveries { direct, retry, events, reserved } = deliveries;
    let lanes = direct + retry;
    if reserved > 0 {
        return match reserved < lanes {
            true => Finding::warning(
                format!(
                    "{reserved} are reserved for deliveries, whose two lanes may take {lanes}: Lambda throttles them"
                ),
                format!("set DispatcherReservedConcurrency={lanes} in infra/samconfig.toml, and deploy: `make deploy`"),
            ),
            false => Finding::ok(format!("{total} in the account and region, {reserved} reserved for deliveries")),
        };
    }
    let taken = lanes + events;
    if taken <= available(shared) {
        return Finding::ok(format!("{total} in the account and region, of which deliveries may take {taken}"));
    }
    let needed = (total - shared.min(total) + taken + LEFT_TO_REQUESTS).next_multiple_of(1_000);
    let request = format!(
        "request more: `aws service-quotas request-service-quota-increase --region {region} --service-code lambda \
         --quota-code L-B99A9384 --desired-value {needed}`"
    );
    Finding::warning(
        format!(
            "deliveries may take {taken} of the {shared} concurrent executions that all functions of the account share: \
             webhooks and callers are then refused"
        ),
        match lanes_that_fit(shared, events) {
            None => request,
            Some((direct, retry)) => format!(
                "{request}; until then set DispatcherConcurrency={direct} RetryConcurrency={retry} in \
                 infra/samconfig.toml, and deploy: `make deploy`"
            ),
        },
    )
}

/// What of the shared concurrency deliveries may take.
fn available(shared: u32) -> u32 {
    shared - LEFT_TO_REQUESTS.min(shared / 2)
}

/// The concurrency of the direct lane and of the retry lane that leaves enough to conversation events, webhooks and
/// callers; `None` if the least is too much.
fn lanes_that_fit(shared: u32, events: u32) -> Option<(u32, u32)> {
    let both = BOTH_LANES.min(available(shared).saturating_sub(events));
    let retry = (both / 6).max(LEAST);
    (both >= 2 * LEAST).then(|| (both - retry, retry))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::super::report::Status;
    use super::*;
    use std::path::Path;

    const BY_DEFAULT: Deliveries = Deliveries { direct: 100, retry: 20, events: 0, reserved: 0 };

    fn classify(deliveries: Deliveries, total: u32, shared: u32) -> Finding {
        super::classify(deliveries, total, shared, "eu-central-1")
    }

    fn read(file: &str) -> String {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(file)).unwrap()
    }

    #[test]
    fn the_proposed_values_are_those_of_the_guide() {
        let guide = read("docs/limits.md");
        let section = guide.split("### ").find(|section| section.starts_with("Lambda's concurrency")).unwrap();
        let number = |cell: &str| cell.trim().replace(',', "").parse::<u32>().ok();
        let rows = section.lines().filter_map(|line| {
            let cells: Vec<_> = line.split('|').collect();
            Some((number(cells.get(1)?)?, (number(cells.get(2)?)?, number(cells.get(3)?)?)))
        });
        let rows: Vec<_> = rows.collect();
        assert!(rows.len() > 3, "{rows:?}");
        for (shared, lanes) in rows {
            assert_eq!(Some(lanes), lanes_that_fit(shared, 0), "{shared}");
        }
    }

    #[test]
    fn the_concurrency_of_conversation_events_is_the_templates() {
        let template = read("infra/template.yaml");
        let function = template.split("\n  ConversationEvents:\n").nth(1).unwrap();
        assert!(function.split("\n\n").next().unwrap().ends_with(&format!("MaximumConcurrency: {EVENTS}")));
    }

    #[test]
    fn deliveries_that_may_take_what_webhooks_need_are_a_warning_with_a_command_and_values() {
        let finding = classify(BY_DEFAULT, 10, 10);
        assert_eq!(Status::Warning, finding.status);
        let advice = finding.advice.unwrap();
        let request = "request-service-quota-increase --region eu-central-1 --service-code lambda ";
        assert!(advice.contains(request) && advice.contains("--desired-value 1000`"), "{advice}");
        assert!(advice.contains("DispatcherConcurrency=3 RetryConcurrency=2"), "{advice}");
        let large = classify(Deliveries { direct: 1_000, ..BY_DEFAULT }, 1_000, 900);
        assert!(large.advice.unwrap().contains("--desired-value 2000"), "what others reserve is counted too");
        let events = classify(Deliveries { direct: 3, retry: 2, events: EVENTS, reserved: 0 }, 10, 10);
        assert_eq!(Status::Warning, events.status);
        assert!(!events.advice.unwrap().contains("DispatcherConcurrency"), "nothing fits beside the events");
    }

    #[test]
    fn the_advised_values_are_ok_with_and_without_conversation_events() {
        for (shared, events) in (0..400).flat_map(|shared| [(shared, 0), (shared, EVENTS)]) {
            let Some((direct, retry)) = lanes_that_fit(shared, events) else {
                assert!(available(shared) < 2 * LEAST + events, "the least fits: {shared} {events}");
                continue;
            };
            let advised = Deliveries { direct, retry, events, reserved: 0 };
            assert_eq!(Status::Ok, classify(advised, 1_000, shared).status, "{shared} {advised:?}");
            assert!(direct >= LEAST && retry >= LEAST, "{shared} {advised:?}");
        }
        let advice = classify(Deliveries { events: EVENTS, ..BY_DEFAULT }, 100, 100).advice.unwrap();
        assert!(advice.contains("DispatcherConcurrency=34 RetryConcurrency=6"), "{advice}");
    }

    #[test]
    fn deliveries_that_leave_enough_or_have_their_own_reservation_are_ok() {
        for (deliveries, shared) in [
            (BY_DEFAULT, 170),
            (Deliveries { direct: 3, retry: 2, ..BY_DEFAULT }, 10),
            (Deliveries { direct: 250, ..BY_DEFAULT }, 1_000),
            (Deliveries { reserved: 120, ..BY_DEFAULT }, 100),
        ] {
            assert_eq!(Status::Ok, classify(deliveries, 1_000, shared).status, "{deliveries:?}");
        }
    }

    #[test]
    fn a_reservation_below_the_lanes_maximum_is_a_warning() {
        let finding = classify(Deliveries { reserved: 119, ..BY_DEFAULT }, 1_000, 881);
        assert_eq!(Status::Warning, finding.status);
        assert!(finding.advice.unwrap().contains("DispatcherReservedConcurrency=120"));
    }
}
