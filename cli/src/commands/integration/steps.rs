//! What a command has done so far.

use crate::failure::Failure;
use crate::output::Output;

/// What a command has done so far: it is said at once, and again if the command fails half-way.
pub(super) struct Steps {
    output: Output,
    done: Vec<String>,
}

impl Steps {
    pub(super) fn new(output: Output) -> Self {
        Self { output, done: Vec::new() }
    }

    /// One more is done.
    pub(super) fn done(&mut self, step: impl Into<String>) {
        let step = step.into();
        self.output.say(&format!("✓ {step}"));
        self.done.push(step);
    }

    /// All that were done.
    pub(super) fn list(&self) -> &[String] {
        &self.done
    }

    /// The same failure, with what was done before it.
    pub(super) fn interrupted(self, failure: Failure) -> Failure {
        match failure {
            Failure::Failed(why) if !self.done.is_empty() => Failure::Failed(format!(
                "{why}\nDone before that: {}. The same command once more goes on from there.",
                self.done.join("; ")
            )),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_half_way_says_what_was_done_before_it() {
        let failure = |steps: Steps| steps.interrupted(Failure::Failed("it broke".to_owned())).to_string();
        let mut steps = Steps::new(Output::new(true));
        steps.done("one");
        steps.done("two");
        assert!(failure(steps).starts_with("it broke\nDone before that: one; two."));
        assert_eq!("it broke", failure(Steps::new(Output::new(true))));
    }
}
