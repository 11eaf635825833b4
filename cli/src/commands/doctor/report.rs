//! What the doctor has found, and how it is shown.

use crate::aws_error::{AwsError, Trouble};
use serde::Serialize;
use std::fmt::Write;

// What the checks are about, as the report groups them.
pub(super) const MACHINE: &str = "this machine";
pub(super) const STACK: &str = "stack";
pub(super) const ROUTES: &str = "routes";
pub(super) const FUNCTIONS_GROUP: &str = "functions";
pub(super) const DATA: &str = "data";
pub(super) const INTEGRATIONS: &str = "integrations";

/// What came of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// It is as it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work.
    Fault,
    /// It was not examined.
    Skipped,
}

impl Verdict {
    fn symbol(self) -> char {
        match self {
            Self::Ok => '✓',
            Self::Warning => '!',
            Self::Fault => '✗',
            Self::Skipped => '–',
        }
    }
}

/// What was seen, what it means, and what to do about it. No text of it holds a secret.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    /// What was seen; of what was skipped, why.
    pub(super) seen: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
    /// What the user of this command would have to be allowed.
    #[serde(skip)]
    lacks: Option<&'static str>,
}

impl Finding {
    pub(super) fn ok(seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, seen: seen.into(), advice: None, lacks: None }
    }

    pub(super) fn warning(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, advice: Some(advice.into()), ..Self::ok(seen) }
    }

    pub(super) fn fault(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fault, advice: Some(advice.into()), ..Self::ok(seen) }
    }

    pub(super) fn skipped(because: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, ..Self::ok(because) }
    }

    /// Skipped, because the user of this command may not make the call.
    pub(super) fn denied(action: &'static str) -> Self {
        Self { lacks: Some(action), ..Self::skipped(format!("because this command's user lacks {action}")) }
    }

    /// What the failure of a call means for `what`, which is a part of the stack.
    pub(super) fn of(error: AwsError, what: &str, advice: &str) -> Self {
        match error {
            AwsError::Denied(action) => Self::denied(action),
            error => error.trouble(what, advice).into(),
        }
    }

    /// The same as a check of its own.
    pub(super) fn about(self, group: &str, name: &str) -> Check {
        Check { group: group.to_owned(), name: name.to_owned(), finding: self }
    }
}

impl From<Trouble> for Finding {
    fn from(Trouble { seen, advice }: Trouble) -> Self {
        Self::fault(seen, advice)
    }
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Check {
    group: String,
    name: String,
    #[serde(flatten)]
    pub(super) finding: Finding,
}

impl Check {
    pub(super) fn is_about(&self, group: &str) -> bool {
        self.group == group
    }
}

/// All checks, in their order.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) faults: usize,
    warnings: usize,
    checks: Vec<Check>,
}

impl Report {
    pub(super) fn new(checks: Vec<Check>) -> Self {
        let count = |verdict| checks.iter().filter(|check| check.finding.verdict == verdict).count();
        Self { faults: count(Verdict::Fault), warnings: count(Verdict::Warning), checks }
    }

    /// For people: a group after the other, and under each check what to do.
    pub(super) fn human(&self) -> String {
        let mut text = String::new();
        for checks in self.checks.chunk_by(|one, other| one.group == other.group) {
            let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
            let _ = writeln!(text, "{}", checks.first().map_or("", |check| &check.group));
            for Check { name, finding, .. } in checks {
                let _ = writeln!(text, "  {} {name:<width$}  {}", finding.verdict.symbol(), finding.seen);
                if let Some(advice) = &finding.advice {
                    let _ = writeln!(text, "    {:<width$}  → {advice}", "");
                }
            }
            text.push('\n');
        }
        let _ = writeln!(text, "{}, {}", counted(self.faults, "fault"), counted(self.warnings, "warning"));
        text
    }
}

/// What the user of this command would have to be allowed, for all checks to be made. Nobody knows where AWS has judged
/// no call.
pub(super) fn own_permissions(checks: &[Check], judged: bool) -> Finding {
    let mut lacking: Vec<_> = checks.iter().filter_map(|check| check.finding.lacks).collect();
    lacking.sort_unstable();
    lacking.dedup();
    match lacking.as_slice() {
        [] if judged => Finding::ok("this command's user may make every call that was needed"),
        [] => Finding::skipped("because no call has come so far that AWS would have told"),
        lacking => Trouble::lacking(&lacking.join(", ")).into(),
    }
}

/// A number of things.
pub(super) fn counted(count: usize, what: &str) -> String {
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
    fn the_report_groups_its_checks_and_says_what_to_do_under_each() {
        let report = Report::new(vec![
            Finding::ok("eu-central-1").about("this machine", "region"),
            Finding::fault("lost", "find it").about("stack", "stack"),
            Finding::skipped("because it is lost").about("stack", "outputs"),
            Finding::warning("3 waiting", "look").about("data", "queue"),
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
    fn what_the_user_may_do_is_not_told_where_no_call_was_judged() {
        assert_eq!(Verdict::Skipped, own_permissions(&[], false).verdict);
    }

    #[test]
    fn what_the_user_lacks_is_named_once() {
        let denied = || Finding::denied("iam:SimulatePrincipalPolicy").about("functions", "x");
        let own = own_permissions(&[denied(), denied(), Finding::ok("fine").about("a", "b")], true);
        assert_eq!(
            (Verdict::Fault, "this command's user lacks iam:SimulatePrincipalPolicy"),
            (own.verdict, own.seen.as_str())
        );
        assert_eq!(Verdict::Ok, own_permissions(&[], true).verdict);
        assert_eq!(Verdict::Skipped, denied().finding.verdict);
    }
}
