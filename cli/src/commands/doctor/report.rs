//! The doctor's findings and their report.

use crate::aws::error::{AwsError, Diagnosis};
use serde::Serialize;
use std::fmt::Write;

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
    fn symbol(self) -> char {
        match self {
            Self::Ok => '✓',
            Self::Warning => '!',
            Self::Fault => '✗',
            Self::Skipped => '–',
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
    name: String,
    #[serde(flatten)]
    pub(super) finding: Finding,
}

impl Check {
    pub(super) fn is_in_group(&self, group: &str) -> bool {
        self.group == group
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) faults: usize,
    warnings: usize,
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn new(checks: Vec<Check>) -> Self {
        let count = |status| checks.iter().filter(|check| check.finding.status == status).count();
        Self { faults: count(Status::Fault), warnings: count(Status::Warning), checks }
    }

    /// For people: the checks by group, each with its advice below it.
    pub(super) fn human(&self) -> String {
        let mut text = String::new();
        for checks in self.checks.chunk_by(|one, other| one.group == other.group) {
            let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
            let _ = writeln!(text, "{}", checks.first().map_or("", |check| &check.group));
            for Check { name, finding, .. } in checks {
                let _ = writeln!(text, "  {} {name:<width$}  {}", finding.status.symbol(), finding.observed);
                if let Some(advice) = &finding.advice {
                    let _ = writeln!(text, "    {:<width$}  → {advice}", "");
                }
            }
            text.push('\n');
        }
        let _ = writeln!(text, "{}, {}", pluralize(self.faults, "fault"), pluralize(self.warnings, "warning"));
        text
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

    #[test]
    fn the_report_groups_the_checks_and_shows_advice_below_each() {
        let report = Report::new(vec![
            Finding::ok("eu-central-1").into_check("this machine", "region"),
            Finding::fault("lost", "find it").into_check("stack", "stack"),
            Finding::skipped("because it is lost").into_check("stack", "outputs"),
            Finding::warning("3 waiting", "look").into_check("data", "queue"),
        ]);
        let expected = "\
this machine
  ✓ region  eu-central-1

stack
  ✗ stack    lost
             → find it
  – outputs  because it is lost

data
  ! queue  3 waiting
           → look

1 fault, 1 warning
";
        assert_eq!(expected, report.human());
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
