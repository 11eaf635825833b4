//! The completions of shells, with the names of the stack.

use crate::cli::fixture::Fixture;
use std::path::Path;
use std::time::Instant;
use tests::harness::command::{Command, patchbay};
use tests::harness::lambda_host::binary;
use tests::harness::listener::listen;
use tests::harness::stack::Stack;
use tests::simulators::messaging_service::{MessagingService, WAIT_TIMEOUT};
use uuid::Uuid;

/// What bash offers for the last of these words. On a busy machine the stack does not respond in time, and there is none.
async fn completed_by_bash(words: &[&str]) -> Vec<String> {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let offered = offered_by_bash(words).await;
        if !offered.is_empty() || Instant::now() > deadline {
            return offered;
        }
    }
}

async fn offered_by_bash(words: &[&str]) -> Vec<String> {
    let script = patchbay(&["completions", "bash"]).await.succeeded().stdout;
    let file = format!("{}/completions-{}.bash", env!("CARGO_TARGET_TMPDIR"), Uuid::new_v4());
    std::fs::write(&file, script).unwrap();
    let complete = "source \"$0\" && complete -p patchbay > /dev/null && COMP_WORDS=(patchbay \"$@\") COMP_CWORD=$# \
                    COMP_TYPE=9 && _clap_complete_patchbay patchbay \"${!#}\" && printf '%s\\n' \"${COMPREPLY[@]}\"";
    let command = binary("patchbay");
    let path = format!("{}:{}", Path::new(&command).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut bash = tokio::process::Command::new("bash");
    let output = bash.args(["--norc", "-c", complete, &file]).args(words).env("PATH", path).output().await;
    let output = output.expect("bash is there: infra/local/setup.sh needs it, too");
    std::fs::remove_file(&file).unwrap();
    assert!(output.stderr.is_empty(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The completions of a line that a shell asks for.
fn asked(words: &[&str]) -> Command {
    let line = Command::new(&["--", "patchbay"]).with(words);
    line.env("PATCHBAY_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", &words.len().to_string()).env("_CLAP_IFS", "\n")
}

#[tokio::test]
async fn every_shell_has_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = patchbay(&["completions", shell]).await.succeeded();
        assert!(ran.stdout.contains("PATCHBAY_COMPLETE") && ran.stderr.is_empty(), "{shell}: {ran:#?}");
    }
    assert!(completed_by_bash(&["dead-letters", "re"]).await.contains(&"redrive".to_owned()));
}

#[tokio::test]
async fn integrations_callers_and_secrets_are_completed() {
    let (stack, service) = (Stack::connect().await, MessagingService::start().await);
    let integration = stack.integration(&service.url, |_| {}).await;
    let name = integration.name.as_str();
    let start = &name[..name.len() - 1];
    assert_eq!(vec![name], completed_by_bash(&["integration", "show", start]).await);
    assert_eq!(vec![name], completed_by_bash(&["failed", "list", "--integration", start]).await);
    let callers = completed_by_bash(&["send", "agentless", name, "--caller", ""]).await;
    assert_eq!(vec!["crm", "flows"], callers);
    let secrets = completed_by_bash(&["integration", "rotate", name, "--secret", ""]).await;
    for secret in ["webhook", "signing", "caller:crm", "caller:flows"] {
        assert!(secrets.iter().any(|one| one == secret), "{secrets:?}");
    }
}

#[tokio::test]
async fn the_stack_of_the_line_is_the_one_that_is_read() {
    let fixture = Fixture::new().await;
    let _ = fixture.add().run().await.succeeded();
    assert_eq!(vec![fixture.name.clone()], completed_by_bash(&["integration", "show", &fixture.name]).await);
    let other = asked(&["--stack", "no-such-stack", "integration", "show", &fixture.name]).run().await.succeeded();
    assert!(!other.contains(&fixture.name) && other.stderr.is_empty(), "{other:#?}");
}

#[tokio::test]
async fn a_stack_that_does_not_answer_is_silent() {
    // It takes connections, and reads nothing.
    let silent = listen();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:9", silent_url.as_str()] {
        for line in [&["integration", "show", "a"][..], &["integration", "rotate", "acme", "--secret", "caller:"]] {
            let ran = asked(line).env("AWS_ENDPOINT_URL", endpoint).run().await.succeeded();
            let names = ran.stdout.lines().filter(|line| !line.starts_with("--")).count();
            assert_eq!((0, ""), (names, ran.stderr.as_str()), "{endpoint} {line:?}: {ran:#?}");
        }
    }
}
