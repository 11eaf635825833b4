//! Whether the functions hold back attempts because the messaging service, the channel or the platform does not answer.

use super::context::IntegrationContext;
use super::report::{Finding, pluralize};
use crate::aws::outputs;
use crate::status::trial_time;
use crate::ui::output::seconds;
use jiff::Timestamp;
use shared::channel::ChannelName;
use shared::integration::TIMEOUT_SECONDS;
use shared::ledger::{Circuit, Ledger};
use shared::model::endpoint::{Endpoint, EndpointKind};
use shared::model::integration_name::IntegrationName;
use std::time::Duration;

/// The checks of an integration's circuits, by name.
pub(super) async fn check(context: &IntegrationContext<'_>) -> [(String, Finding); 2] {
    let (messaging_service, platform) = tokio::join!(
        check_endpoint(context, EndpointKind::MessagingService),
        check_endpoint(context, EndpointKind::Platform)
    );
    let name = Called::of(context, EndpointKind::MessagingService).name();
    [(format!("circuit of the {name}"), messaging_service), ("circuit of the platform".to_owned(), platform)]
}

/// Who does not answer.
#[derive(Debug, Clone, Copy)]
enum Called {
    MessagingService,
    Channel(ChannelName),
    Platform,
}

impl Called {
    fn of(context: &IntegrationContext<'_>, kind: EndpointKind) -> Self {
        match (kind, context.integration.destination.channel()) {
            (EndpointKind::Platform, _) => Self::Platform,
            (EndpointKind::MessagingService, None) => Self::MessagingService,
            (EndpointKind::MessagingService, Some(channel)) => Self::Channel(channel.name()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::MessagingService => "messaging service",
            Self::Channel(_) => "channel",
            Self::Platform => "platform",
        }
    }
}

async fn check_endpoint(context: &IntegrationContext<'_>, kind: EndpointKind) -> Finding {
    let Some(table) = context.doctor.deployed.output(outputs::LEDGER_TABLE) else {
        return Finding::skipped("because the stack has no output LedgerTable");
    };
    let ledger = Ledger::new(aws_sdk_dynamodb::Client::new(context.doctor.aws), table);
    let endpoint = Endpoint::new(context.integration.name.clone(), kind);
    match ledger.circuit(&endpoint).await {
        Ok(circuit) => {
            let (name, timeout) = (&context.integration.name, context.integration.destination.timeout());
            classify(name, timeout, Called::of(context, kind), &circuit, Timestamp::now())
        }
        Err(error) => Finding::skipped(format!("because the ledger cannot be read: {error}")),
    }
}

fn classify(name: &IntegrationName, timeout: Duration, called: Called, circuit: &Circuit, now: Timestamp) -> Finding {
    let Some(until) = circuit.open_until else { return Finding::ok("closed") };
    let (waiting, advice) = match called {
        Called::MessagingService => {
            let longest = *TIMEOUT_SECONDS.end();
            let check = "check the messaging service, and whether a firewall drops the functions' connections";
            let advice = if timeout.as_secs() < longest {
                format!(
                    "{check}; if it is only slow, wait longer for it: `patchbay integration add {name} --replace \
                     --timeout-seconds {longest}`"
                )
            } else {
                format!("{check}; it must answer within {longest} s")
            };
            ("messages", advice)
        }
        Called::Channel(channel) => ("messages", format!("see the status page of {}", channel.as_str())),
        Called::Platform => ("receipts", "see the platform's status page".to_owned()),
    };
    let since = circuit.since.map(|since| format!(" since {}", seconds(since))).unwrap_or_default();
    Finding::warning(
        format!(
            "open: the {} has not answered {}{since}; {}, and {waiting} wait",
            called.name(),
            pluralize(usize::try_from(circuit.timeouts).unwrap_or(usize::MAX), "attempt"),
            trial_time(until, now)
        ),
        format!("{advice}. When it answers, everything is delivered in order"),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::super::report::Status;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap_or(Timestamp::MAX)
    }

    fn found(open_until: Option<i64>) -> Finding {
        with_timeout(3, open_until)
    }

    fn with_timeout(seconds: u64, open_until: Option<i64>) -> Finding {
        let circuit = Circuit { timeouts: 6, since: Some(at(0)), openings: 1, open_until: open_until.map(at) };
        let (name, timeout) = ("acme".parse().unwrap(), Duration::from_secs(seconds));
        classify(&name, timeout, Called::MessagingService, &circuit, at(60))
    }

    #[test]
    fn to_wait_longer_is_advised_only_if_that_is_possible() {
        let advice = |seconds| with_timeout(seconds, Some(70)).advice.unwrap();
        assert!(advice(9).contains("--replace --timeout-seconds 10`"), "{}", advice(9));
        assert!(advice(10).contains("it must answer within 10 s") && !advice(10).contains('`'), "{}", advice(10));
    }

    #[test]
    fn an_open_circuit_is_a_warning_that_says_since_when_and_when_the_next_attempt_is_made() {
        let finding = found(Some(70));
        assert_eq!(Status::Warning, finding.status);
        assert_eq!(
            "open: the messaging service has not answered 6 attempts since 2027-01-15T08:00:00Z; the next attempt is made \
             with the first message that is due after 2027-01-15T08:01:10Z, and messages wait",
            finding.observed
        );
        assert!(found(Some(50)).observed.contains("with the first message that is due, and"));
    }

    #[test]
    fn timeouts_that_have_not_opened_the_circuit_are_ok() {
        assert_eq!(Status::Ok, found(None).status);
    }
}
