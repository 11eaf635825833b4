//! Names that a shell completes: integrations, and what an integration has. They are read from the stack that the command
//! line selects. A shell that waits for completions must not hang and must show no error: there are none then.

use crate::aws::integrations;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::target::Target;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use std::time::Duration;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(2);

/// The integrations of the stack.
pub(crate) fn integrations() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(CommandLine::current(), async |line| line.integrations().await))
}

/// The callers of the integration that the command line names.
pub(crate) fn callers() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(CommandLine::current(), async |line| line.callers().await))
}

/// The secrets of an integration: these words, and `caller:NAME` for each of its callers.
pub(crate) fn secrets(words: &'static [&'static str]) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let callers = candidates(CommandLine::current(), async |line| line.callers().await);
        let callers = callers.into_iter().map(|caller| caller.add_prefix("caller:"));
        words.iter().map(CompletionCandidate::new).chain(callers).collect()
    })
}

fn candidates(
    line: CommandLine,
    read: impl AsyncFnOnce(&CommandLine) -> Result<Vec<String>, CliError>,
) -> Vec<CompletionCandidate> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return Vec::new() };
    let names = runtime.block_on(async { timeout(TIMEOUT, read(&line)).await });
    // What is still running must not delay the shell.
    runtime.shutdown_background();
    let names = names.ok().and_then(Result::ok).unwrap_or_default().into_iter();
    names.filter(|name| !name.contains(char::is_control)).map(CompletionCandidate::new).collect()
}

/// The words of the command line that is being completed.
#[derive(Debug)]
struct CommandLine(Vec<String>);

impl CommandLine {
    /// The shell passes the words after `--`.
    fn current() -> Self {
        let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
        Self(words.map(|word| word.to_string_lossy().into_owned()).collect())
    }

    /// The value of an option, in the next word or after `=`.
    fn option(&self, name: &str) -> Option<String> {
        let words = self.0.iter().zip(self.0.iter().skip(1).map(Some).chain([None]));
        words.into_iter().find_map(|(word, next)| match word.strip_prefix(name)? {
            "" => next.cloned(),
            value => value.strip_prefix('=').map(str::to_owned),
        })
    }

    async fn stack(&self) -> Result<Stack, CliError> {
        let stack = self.option("--stack").unwrap_or_else(Target::stack_of_environment);
        let (region, profile) = (self.option("--region"), self.option("--profile"));
        Stack::new(Target { stack, api_url: None, region, profile }).await
    }

    async fn integrations(&self) -> Result<Vec<String>, CliError> {
        let names = integrations::list_active(&self.stack().await?).await?;
        Ok(names.iter().map(ToString::to_string).collect())
    }

    /// The integration is an argument or the value of an option, so that any word may be its name.
    async fn callers(&self) -> Result<Vec<String>, CliError> {
        let stack = self.stack().await?;
        let names = integrations::list_active(&stack).await?;
        let is_named =
            |name: &str| self.0.iter().any(|word| word.strip_prefix("--integration=").unwrap_or(word) == name);
        let Some(name) = names.iter().find(|name| is_named(name.as_str())) else { return Ok(Vec::new()) };
        let mut callers: Vec<_> =
            integrations::load(&stack, name).await?.callers.iter().map(|caller| caller.name.clone()).collect();
        // During a rotation a caller is listed twice.
        callers.dedup();
        Ok(callers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_options_value_is_the_next_word_or_after_an_equals_sign() {
        let line = CommandLine(
            ["patchbay", "--stack", "one", "--region=two", "--profiles", "x", "--profile"].map(str::to_owned).into(),
        );
        assert_eq!(Some("one".to_owned()), line.option("--stack"));
        assert_eq!(Some("two".to_owned()), line.option("--region"));
        assert_eq!(None, line.option("--profile"));
    }

    #[test]
    fn what_does_not_answer_in_time_or_fails_completes_nothing() {
        let line = || CommandLine(Vec::new());
        assert!(candidates(line(), async |_| std::future::pending().await).is_empty());
        assert!(candidates(line(), async |_| Err(CliError::Failed("it broke".to_owned()))).is_empty());
        assert_eq!(1, candidates(line(), async |_| Ok(vec!["acme".to_owned(), "a\u{1b}[2J".to_owned()])).len());
    }
}
