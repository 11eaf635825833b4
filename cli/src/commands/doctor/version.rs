//! Compares the deployed version with this command's.

use super::report::Finding;
use semver::Version;
use std::cmp::Ordering;

/// `deployed` is the template's output, which stacks of older versions do not have.
pub(super) fn check(deployed: Option<&str>) -> Finding {
    compare(deployed, env!("PATCHBAY_VERSION"))
}

fn compare(deployed: Option<&str>, own: &str) -> Finding {
    let observed = format!("the stack has {}, this command is {own}", deployed.unwrap_or("no version"));
    let upgrade_stack = || format!("upgrade the stack: check out version {own}, and run `make deploy`");
    let parse = |version| Version::parse(version).ok();
    let Some((deployed, own)) = deployed.and_then(parse).zip(parse(own)) else {
        return Finding::warning(observed, upgrade_stack());
    };
    match deployed.cmp_precedence(&own) {
        Ordering::Less => Finding::warning(observed, upgrade_stack()),
        Ordering::Greater => Finding::warning(observed, format!("upgrade this command: install version {deployed}")),
        // A build without git has no commit.
        Ordering::Equal if deployed.build == own.build || deployed.build.is_empty() || own.build.is_empty() => {
            Finding::ok(deployed.to_string())
        }
        Ordering::Equal => {
            let advice = "check out the newer commit, and run `make deploy` and `cargo install --locked --path cli`";
            Finding::warning(observed, advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::report::Status;

    /// The status, and the advice.
    fn compared(deployed: Option<&str>, own: &str) -> (Status, String) {
        let finding = compare(deployed, own);
        (finding.status, finding.advice.unwrap_or_default())
    }

    #[test]
    fn the_same_version_is_ok_also_where_one_commit_is_unknown() {
        for (deployed, own) in [("1.2.3", "1.2.3+a"), ("1.2.3+a", "1.2.3"), ("1.2.3+a", "1.2.3+a")] {
            assert_eq!((Status::Ok, String::new()), compared(Some(deployed), own));
        }
    }

    #[test]
    fn the_older_one_of_stack_and_command_is_to_be_upgraded() {
        let stack = "upgrade the stack: check out version 1.10.0+b, and run `make deploy`".to_owned();
        for older in [Some("1.9.0+c"), Some("1.10.0-rc.1"), None] {
            assert_eq!((Status::Warning, stack.clone()), compared(older, "1.10.0+b"));
        }
        let command = "upgrade this command: install version 2.0.0+a".to_owned();
        assert_eq!((Status::Warning, command), compared(Some("2.0.0+a"), "1.10.0+b"));
    }

    #[test]
    fn another_commit_of_the_same_version_is_a_warning_that_names_both() {
        let finding = compare(Some("1.2.3+a"), "1.2.3+b");
        assert_eq!(Status::Warning, finding.status);
        assert_eq!("the stack has 1.2.3+a, this command is 1.2.3+b", finding.observed);
    }
}
