//! The partner event source of a stack that receives conversation events, and the rule that takes its events.

use super::report::Finding;
use super::reporter::Group;
use super::stack::DeployedStack;
use crate::aws::error::AwsError;
use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{EventSourceState, RuleState};

const BUS: &str = "ConversationEventBus";
const RULE: &str = "ConversationEventRule";
const REDEPLOY: &str = "deploy the template again (`make deploy`)";
const GUIDE: &str = "docs/connect-genesys-cloud.md says how";

/// Two calls, if the stack receives conversation events.
pub(super) async fn check(deployed: &DeployedStack, aws: &SdkConfig, group: &Group) {
    if deployed.receives_events() {
        let client = &Client::new(aws);
        tokio::join!(async { group.report("event source", event_source(client, deployed).await) }, async {
            group.report("conversation events' rule", rule(client, deployed).await);
        });
    }
}

/// The event bus has the name of its event source.
async fn event_source(client: &Client, deployed: &DeployedStack) -> Finding {
    let name = match deployed.required_resource(BUS) {
        Ok(name) => name,
        Err(finding) => return finding,
    };
    match client.describe_event_source().name(name).send().await {
        Ok(answer) => classify_event_source(name, answer.state(), answer.expiration_time().is_some()),
        Err(error) => {
            let error = AwsError::of("events:DescribeEventSource", &error);
            let advice = format!("create it in Genesys Cloud again: {GUIDE}");
            Finding::from_aws_error(error, "the event source", &advice)
        }
    }
}

/// By the state, and whether the source expires: it does until it is associated with an event bus.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeEventSource.html>.
fn classify_event_source(name: &str, state: Option<&EventSourceState>, expires: bool) -> Finding {
    match (state, expires) {
        (Some(EventSourceState::Active), false) => Finding::ok(format!("Active: {name}")),
        (Some(EventSourceState::Active), true) => Finding::warning(
            format!("{name} is active, but expires"),
            format!("see its state: `aws events describe-event-source --name {name}`; {REDEPLOY}"),
        ),
        (Some(EventSourceState::Pending), _) => Finding::fault(
            format!("no conversation events arrive: {name} is pending, and not associated with the stack's event bus"),
            REDEPLOY,
        ),
        (state, _) => Finding::fault(
            format!(
                "no conversation events arrive: {name} is {}",
                state.map_or("in no state", EventSourceState::as_str)
            ),
            format!("create it in Genesys Cloud again: {GUIDE}; then set GenesysEventSource to its name, and deploy"),
        ),
    }
}

async fn rule(client: &Client, deployed: &DeployedStack) -> Finding {
    let (bus, rule) = match (deployed.required_resource(BUS), deployed.required_resource(RULE)) {
        (Ok(bus), Ok(rule)) => (bus, rule),
        (Err(finding), _) | (_, Err(finding)) => return finding,
    };
    // CloudFormation puts the name of its bus before it.
    let name = rule.rsplit('|').next().unwrap_or(rule);
    match client.describe_rule().event_bus_name(bus).name(name).send().await {
        Ok(answer) => classify_rule(bus, name, answer.state()),
        Err(error) => Finding::from_aws_error(AwsError::of("events:DescribeRule", &error), "the rule", REDEPLOY),
    }
}

fn classify_rule(bus: &str, name: &str, state: Option<&RuleState>) -> Finding {
    match state {
        Some(RuleState::Enabled) => Finding::ok("Enabled"),
        _ => Finding::fault(
            "conversation events are lost: the rule is disabled",
            format!(
                "enable the rule, which a deployment does not: `aws events enable-rule --event-bus-name {bus} --name {name}`"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn the_event_source_is_ok_only_if_it_is_active_and_does_not_expire() {
        for (state, expires, status) in [
            (Some(EventSourceState::Active), false, Status::Ok),
            (Some(EventSourceState::Active), true, Status::Warning),
            (Some(EventSourceState::Pending), true, Status::Fault),
            (Some(EventSourceState::Pending), false, Status::Fault),
            (Some(EventSourceState::Deleted), false, Status::Fault),
            (None, false, Status::Fault),
        ] {
            assert_eq!(status, classify_event_source("s", state.as_ref(), expires).status, "{state:?} {expires}");
        }
    }

    #[test]
    fn the_rule_is_ok_only_if_it_is_enabled() {
        for (state, status) in
            [(Some(RuleState::Enabled), Status::Ok), (Some(RuleState::Disabled), Status::Fault), (None, Status::Fault)]
        {
            assert_eq!(status, classify_rule("b", "r", state.as_ref()).status, "{state:?}");
        }
    }
}
