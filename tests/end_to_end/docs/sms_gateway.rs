//! Runs the commands of `examples/sms-gateway/README.md`.

use super::guide_fixture::Fixture;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use tests::harness::lambda_host::binary;
use tests::harness::listener::listen;
use tests::harness::stack::{Stack, WEBHOOK_SECRET};
use tests::simulators::messaging_service::WAIT_TIMEOUT;
use tests::spec::documents::{Block, Document, root};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A command that runs until this is dropped.
struct Running {
    stdin: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Running {
    /// Runs the commands, of which the last one goes on.
    fn start(code: &str, folder: &Path, environment: &[(&str, String)]) -> Self {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut process = Command::new("sh")
            .args(["-c", &format!("set -eu\n{code}")])
            .env("PATH", format!("{}:{path}", root().join(".venv/bin").display()))
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env_remove("http_proxy")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { stdin, output: BufReader::new(stdout).lines(), _process: process }
    }

    /// Waits for a line of its output.
    async fn prints(&mut self, expected: &str) {
        let lines = async {
            while let Some(line) = self.output.next_line().await.unwrap() {
                if line.contains(expected) {
                    return;
                }
            }
            panic!("it ended without `{expected}`");
        };
        tokio::time::timeout(WAIT_TIMEOUT, lines).await.unwrap_or_else(|_| panic!("it does not print `{expected}`"));
    }

    async fn type_line(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
}

fn port() -> String {
    listen().local_addr().unwrap().port().to_string()
}

/// The only block with this text.
fn block<'b>(blocks: &'b [Block], text: &str) -> &'b str {
    let found: Vec<_> = blocks.iter().filter(|block| block.code.contains(text)).collect();
    let [found] = found.as_slice() else { panic!("{text}: {found:?}") };
    &found.code
}

/// Follows the guide with the example in one language, which `command` starts.
async fn follow(command: &str) {
    let readme = Document::read("examples/sms-gateway/README.md");
    let blocks: Vec<_> = readme.blocks_in("sh").cloned().collect();
    assert_eq!(6, blocks.len(), "the guide has other commands than this test");
    let (service_port, gateway_port) = (port(), port());
    let mut fixture = Fixture::connected().await;
    let api_url = Stack::connect().await.api_url;
    let webhook_url = fixture.fill(&format!("{api_url}/integrations/acme/webhook"));
    let integration_id = fixture.platform.integrations()[0]["id"].as_str().unwrap().to_owned();
    fixture.platform.connect(webhook_url, WEBHOOK_SECRET, &integration_id);
    fixture.replaced.extend([
        ("127.0.0.1:9000", format!("127.0.0.1:{service_port}")),
        ("127.0.0.1:9100", format!("127.0.0.1:{gateway_port}")),
        // Its variables and its path are those of the test.
        (". target/local/environment.sh", ":".to_owned()),
    ]);

    let connects = fixture.fill(block(&blocks, "integration add"));
    fixture.run("sh", &["-euc", &connects]).await;
    let shows = fixture.fill("patchbay --json integration show acme --show-secrets");
    let shown: Value = serde_json::from_str(&fixture.run("sh", &["-euc", &shows]).await).unwrap();
    let configuration = &shown["configuration"];
    let callers = configuration["callers"].as_array().unwrap();
    let token = callers.iter().find(|caller| caller["name"] == "sms").unwrap()["bearerToken"].as_str().unwrap();

    let in_root = |path: &str| format!("exec {path} {}", root().display());
    fixture.replaced.extend([
        ("whsec_...", configuration["delivery"]["signingSecrets"][0].as_str().unwrap().to_owned()),
        ("BEARER_TOKEN=...", format!("BEARER_TOKEN={token}")),
        ("python3 examples", in_root("python3") + "/examples"),
        ("node examples", in_root("node") + "/examples"),
        ("target/debug/telephone", format!("exec {}", binary("telephone").display())),
    ]);
    let settings = block(&blocks, "export SIGNING_SECRETS");
    let starts = match command {
        "python3" => settings.to_owned(),
        _ => {
            settings.lines().filter(|line| line.starts_with("export")).collect::<Vec<_>>().join("\n")
                + "\n"
                + block(&blocks, command)
        }
    };
    let in_folder =
        |code: &str, environment: &[(&str, String)]| Running::start(&fixture.fill(code), &fixture.folder, environment);
    let mut service = in_folder(&starts, &[("API_URL", api_url), ("PORT", service_port.clone())]);
    service.prints("Listening at").await;
    let service_url = ("SERVICE_URL", format!("http://127.0.0.1:{service_port}"));
    let mut telephone = in_folder(block(&blocks, "telephone"), &[service_url, ("PORT", gateway_port)]);
    telephone.prints("The telephone has the number").await;

    telephone.type_line("Where is my parcel?").await;
    fixture.platform.wait_for_calls_of("inbound-message", 1).await;
    let sends = fixture.fill(block(&blocks, "send agentless"));
    fixture.run("sh", &["-euc", &sends]).await;
    for line in ["It arrives on Friday.", "When may it come?", "1. Morning", "2. Evening"] {
        telephone.prints(line).await;
    }
    telephone.type_line("2").await;
    let response = fixture.platform.wait_for_calls_of("structured-response", 1).await.remove(0);
    assert_eq!("evening", response.body["buttonResponse"]["payload"]);
    let receipt = fixture.platform.wait_for_calls_of("receipt", 2).await.remove(0);
    assert_eq!("Delivered", receipt.body["status"]);
}

#[tokio::test]
async fn following_the_guide_of_the_sms_gateway_in_python_leads_to_a_conversation() {
    follow("python3").await;
}

#[tokio::test]
async fn following_the_guide_of_the_sms_gateway_in_node_leads_to_a_conversation() {
    follow("node").await;
}
