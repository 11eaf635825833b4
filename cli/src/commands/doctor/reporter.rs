//! Reports each check as soon as it ends. The checks of a group run side by side with those of others, and are printed
//! below the group's heading, in the order in which the groups were opened.

use super::report::{Check, Finding};
use crate::ui::output::Output;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Opens groups. When it and all groups are dropped, [`Printer::print_all`] ends.
#[derive(Debug)]
pub(super) struct Reporter(UnboundedSender<UnboundedReceiver<Check>>);

/// The groups that were opened, each with its checks.
pub(super) type Groups = UnboundedReceiver<UnboundedReceiver<Check>>;

/// A group that is open until its last clone is dropped.
#[derive(Debug, Clone)]
pub(super) struct Group {
    name: String,
    checks: UnboundedSender<Check>,
}

impl Reporter {
    pub(super) fn new() -> (Self, Groups) {
        let (reporter, groups) = unbounded_channel();
        (Self(reporter), groups)
    }

    pub(super) fn open(&self, name: impl Into<String>) -> Group {
        let (checks, receiver) = unbounded_channel();
        // Without a receiver, the command has ended.
        let _ = self.0.send(receiver);
        Group { name: name.into(), checks }
    }
}

impl Group {
    pub(super) fn report(&self, check: &str, finding: Finding) {
        let _ = self.checks.send(finding.into_check(&self.name, check));
    }

    pub(super) fn report_all(&self, findings: impl IntoIterator<Item = (String, Finding)>) {
        findings.into_iter().for_each(|(check, finding)| self.report(&check, finding));
    }
}

/// Prints checks for people.
pub(super) struct Printer {
    output: Output,
    only_problems: bool,
    /// The last one that was printed.
    last: Option<Check>,
}

impl Printer {
    pub(super) fn new(output: Output, only_problems: bool) -> Self {
        Self { output, only_problems, last: None }
    }

    pub(super) fn print(&mut self, check: &Check) {
        if let Some(lines) = self.lines(check) {
            self.output.part(&lines);
        }
    }

    fn lines(&mut self, check: &Check) -> Option<String> {
        let is_shown = !self.only_problems || check.is_problem();
        let lines = is_shown.then(|| check.lines(self.last.as_ref()));
        if is_shown {
            self.last = Some(check.clone());
        }
        lines
    }

    /// Prints the checks as they end, and returns all of them.
    pub(super) async fn print_all(&mut self, mut groups: Groups) -> Vec<Check> {
        let mut checks: Vec<Check> = Vec::new();
        while let Some(mut group) = groups.recv().await {
            while let Some(check) = group.recv().await {
                self.print(&check);
                checks.push(check);
            }
        }
        checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::TargetOptions;
    use std::future::pending;
    use tokio::sync::oneshot;

    fn names(checks: &[Check]) -> Vec<&str> {
        checks.iter().map(|check| check.name.as_str()).collect()
    }

    #[tokio::test]
    async fn groups_are_printed_in_the_order_of_their_opening_and_checks_as_they_end() {
        let (reporter, groups) = Reporter::new();
        let (first, second) = (reporter.open("first"), reporter.open("second"));
        second.report("c", Finding::ok("3"));
        first.report("b", Finding::ok("2"));
        first.report("a", Finding::ok("1"));
        drop((reporter, first, second));
        let mut printer = Printer::new(Output::new(true, &TargetOptions::NONE), false);
        assert_eq!(vec!["b", "a", "c"], names(&printer.print_all(groups).await));
    }

    #[test]
    fn only_faults_and_warnings_are_shown_if_so_wanted_below_the_headings_of_their_groups() {
        let checks = [
            Finding::ok("fine").into_check("stack", "region"),
            Finding::fault("lost", "find it").into_check("routes", "all"),
            Finding::skipped("because it is lost").into_check("routes", "one"),
            Finding::warning("3 waiting", "look").into_check("data", "lane"),
        ];
        let shown = |only_problems| {
            let mut printer = Printer::new(Output::new(true, &TargetOptions::NONE), only_problems);
            let lines: Vec<_> = checks.iter().filter_map(|check| printer.lines(check)).collect();
            anstream::adapter::strip_str(&lines.join("\n")).to_string()
        };
        assert_eq!("routes\n  ✗ all: lost\n    → find it\n\ndata\n  ! lane: 3 waiting\n    → look", shown(true));
        assert!(shown(false).contains("✓ region: fine") && shown(false).contains("– one: because it is lost"));
    }

    #[tokio::test]
    async fn a_check_that_has_not_ended_hides_no_other_of_its_group() {
        let (reporter, mut groups) = Reporter::new();
        let group = reporter.open("only");
        let (ended, has_ended) = oneshot::channel();
        let hanging = async {
            let group = group.clone();
            pending::<()>().await;
            group.report("hanging", Finding::ok("never"));
        };
        let quick = async {
            group.report("quick", Finding::ok("at once"));
            let _ = ended.send(());
            pending::<()>().await;
        };
        tokio::select! {
            () = async { tokio::join!(hanging, quick); } => panic!("neither ends"),
            _ = has_ended => {}
        }
        let check = groups.recv().await.unwrap().recv().await.unwrap();
        assert_eq!("quick", check.name);
    }
}
