//! The doctor's findings and their report.

use crate::aws::error::{AwsError, Diagnosis};
use crate::ui::output::Output;
use crate::ui::style::{ERROR, FAINT, GOOD, HEADING, WARNING, paint};
use serde::Serialize;

// The groups of checks.
pub(super) const MACHINE: &str = "this machine";
pub(super) const STACK: &str = "stack";
pub(super) const ROUTES: &str = "routes";
pub(super) const FUNCTIONS_GROUP: &str = "functions";
pub(super) const DATA: &str = "data";
pub(super) const INTEGRATIONS: &str = "integrations";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    /// It works, but needs attention.
    Warning,
    Fault,
    Skipped,
}

impl Status {
    fn symbol(self) -> String {
        match self {
            Self::Ok => paint(GOOD, '✓'),
            Self::Warning => paint(WARNING, '!'),
            Self::Fault => paint(ERROR, '✗'),
            Self::Skipped => paint(FAINT, '–'),
        }
    }
}

/// The result of a check. The texts never contain a secret.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    #[serde(rename = "verdict")]
    pub(super) status: Status,
    /// The observation, or why the check was skipped.
    #[serde(rename = "seen")]
    pub(super) observed: String,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
    /// The permission that the check would have needed.
    #[serde(skip)]
    missing_permission: Option<&'static str>,
}

impl Finding {
    pub(super) fn ok(observed: impl Into<String>) -> Self {
        Self { status: Status::Ok, observed: observed.into(), advice: None, missing_permission: None }
    }

    pub(super) fn warning(observed: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { status: Status::Warning, advice: Some(advice.into()), ..Self::ok(observed) }
    }

    pub(super) fn fault(observed: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { status: Status::Fault, advice: Some(advice.into()), ..Self::ok(observed) }
    }

    pub(super) fn skipped(because: impl Into<String>) -> Self {
        Self { status: Status::Skipped, ..Self::ok(because) }
    }

    /// Skipped, because this command's own credentials lack a permission.
    pub(super) fn denied(action: &'static str) -> Self {
        Self {
            missing_permission: Some(action),
            ..Self::skipped(format!("because this command's user lacks {action}"))
        }
    }

    /// Two faults of one check.
    pub(super) fn and(self, other: Self) -> Self {
        let advice: Vec<_> = [self.advice, other.advice].into_iter().flatten().collect();
        Self::fault(format!("{}; {}", self.observed, other.observed), advice.join("; "))
    }

    /// The failure of a call about `what`, a part of the stack.
    pub(super) fn from_aws_error(error: AwsError, what: &str, advice: &str) -> Self {
        match error {
            AwsError::Denied(action) => Self::denied(action),
            error => error.diagnose(what, advice).into(),
        }
    }

    pub(super) fn into_check(self, group: &str, name: &str) -> Check {
        Check { group: group.to_owned(), name: name.to_owned(), finding: self }
    }
}

impl From<Diagnosis> for Finding {
    fn from(Diagnosis { observed, advice }: Diagnosis) -> Self {
        Self::fault(observed, advice)
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Check {
    group: String,
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) finding: Finding,
}

impl Check {
    pub(super) fn is_problem(&self) -> bool {
        matches!(self.finding.status, Status::Fault | Status::Warning)
    }

    /// For people: what was found, with the advice below it. The first check of a group has its heading.
    pub(super) fn lines(&self, before: Option<&Self>) -> String {
        let Self { group, name, finding } = self;
        let mut text = match before {
            Some(before) if before.group == *group => String::new(),
            Some(_) => format!("\n{}\n", paint(HEADING, group)),
            None => format!("{}\n", paint(HEADING, group)),
        };
        text.push_str(&format!("  {} {name}: {}", finding.status.symbol(), finding.observed));
        text.extend(finding.advice.iter().map(|advice| format!("\n    → {advice}")));
        text
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) faults: usize,
    warnings: usize,
    checks: Vec<Check>,
}

impl Report {
    /// The commands of programs act on the same stack, too.
    pub(super) fn new(mut checks: Vec<Check>, output: Output) -> Self {
        for Finding { observed, advice, .. } in checks.iter_mut().map(|check| &mut check.finding) {
            for text in std::iter::once(observed).chain(advice) {
                *text = output.complete_commands(text);
            }
        }
        let count = |status| checks.iter().filter(|check| check.finding.status == status).count();
        Self { faults: count(Status::Fault), warnings: count(Status::Warning), checks }
    }

    /// For people, after all checks.
    pub(super) fn summary(&self) -> String {
        format!("\n{}, {}", pluralize(self.faults, "fault"), pluralize(self.warnings, "warning"))
    }
}

/// Which permissions this command's own credentials lack. That is unknown until AWS has accepted or denied a call.
pub(super) fn caller_permissions(checks: &[Check], access_evaluated: bool) -> Finding {
    let mut lacking: Vec<_> = checks.iter().filter_map(|check| check.finding.missing_permission).collect();
    lacking.sort_unstable();
    lacking.dedup();
    match lacking.as_slice() {
        [] if access_evaluated => Finding::ok("this command's user may make every call that was needed"),
        [] => Finding::skipped("because no call reached the point at which AWS checks permissions"),
        lacking => Diagnosis::missing_permission(&lacking.join(", ")).into(),
    }
}

pub(super) fn pluralize(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests fail by panicking
mod tests {
    use super::*;
    use crate::target::TargetOptions;

    #[test]
    fn a_check_is_shown_below_the_heading_of_its_group_and_its_advice_below_it() {
        let checks = [
            Finding::ok("eu-central-1").into_check("stack", "region"),
            Finding::fault("lost", "find it").into_check("stack", "stack"),
            Finding::skipped("because it is lost").into_check("routes", "all"),
            Finding::warning("3 waiting", "look").into_check("data", "direct lane"),
        ];
        let before = std::iter::once(None).chain(checks.iter().map(Some));
        let lines: Vec<_> = checks.iter().zip(before).map(|(check, before)| check.lines(before)).collect();
        let expected = "\
stack
  ✓ region: eu-central-1
  ✗ stack: lost
    → find it

routes
  – all: because it is lost

data
  ! direct lane: 3 waiting
    → look";
        assert_eq!(expected, anstream::adapter::strip_str(&lines.join("\n")).to_string());
        let output = Output::new(true, &TargetOptions::NONE);
        assert_eq!("\n1 fault, 1 warning", Report::new(checks.into(), output).summary());
    }

    #[test]
    fn permissions_are_unknown_if_no_call_was_evaluated() {
        assert_eq!(Status::Skipped, caller_permissions(&[], false).status);
    }

    #[test]
    fn a_missing_permission_is_reported_once() {
        let denied = || Finding::denied("iam:SimulatePrincipalPolicy").into_check("functions", "x");
        let own = caller_permissions(&[denied(), denied(), Finding::ok("fine").into_check("a", "b")], true);
        assert_eq!(
            (Status::Fault, "this command's user lacks iam:SimulatePrincipalPolicy"),
            (own.status, own.observed.as_str())
        );
        assert_eq!(Status::Ok, caller_permissions(&[], true).status);
        assert_eq!(Status::Skipped, denied().finding.status);
    }
}
