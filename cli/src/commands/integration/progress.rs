use crate::error::CliError;
use crate::ui::output::Output;
use crate::ui::style::{GOOD, paint};

/// The completed steps of a command. Each is printed at once, and all again if the command fails.
pub(super) struct Progress {
    output: Output,
    done: Vec<String>,
}

impl Progress {
    pub(super) fn new(output: Output) -> Self {
        Self { output, done: Vec::new() }
    }

    pub(super) fn done(&mut self, step: impl Into<String>) {
        let step = step.into();
        self.output.progress(&format!("{} {step}", paint(GOOD, "✓")));
        self.done.push(step);
    }

    /// Says why a question is asked again, or what is not done.
    pub(super) fn notice(&self, text: &str) {
        self.output.notice(text);
    }

    pub(super) fn completed(&self) -> &[String] {
        &self.done
    }

    /// Adds the completed steps to an error.
    pub(super) fn interrupted(self, failure: CliError) -> CliError {
        match failure {
            CliError::Failed(why) if !self.done.is_empty() => CliError::Failed(format!(
                "{why}\nCompleted before that: {}. Run the same command again to continue.",
                self.done.join("; ")
            )),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::TargetOptions;

    #[test]
    fn an_error_lists_the_steps_completed_before_it() {
        let failure = |progress: Progress| progress.interrupted(CliError::Failed("it broke".to_owned())).to_string();
        let mut progress = Progress::new(Output::new(true, &TargetOptions::NONE));
        progress.done("one");
        progress.done("two");
        assert!(failure(progress).starts_with("it broke\nCompleted before that: one; two."));
        assert_eq!("it broke", failure(Progress::new(Output::new(true, &TargetOptions::NONE))));
    }
}
