//! Runs the commands of README.md and of the guides.

use crate::fixtures::WithPlatform;
use crate::observability::logs::log_with;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tests::harness::caller::{BEARER_TOKEN, CALLER_SECRET};
use tests::harness::stack::{DEAD_LETTERS, FAILED_MESSAGES, SIGNING_SECRET, Stack};
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET, GenesysCloud};
use tests::simulators::highlevel::api::HighLevel;
use tests::simulators::highlevel::api::oauth::{CLIENT_SECRET as APP_CLIENT_SECRET, UserType};
use tests::simulators::messaging_service::MessagingService;
use tests::simulators::multicloud_cx::api::{APP_SECRET, CONTACT_CENTER_ID, MulticloudCx};
use tests::spec::documents::{Block, Document, root};
use uuid::Uuid;

/// The message with the choice in the guide to the routes.
const MESSAGE_ID: &str = "c327c2078ca056db130c55ce648d9fa2";

/// A documented command that runs elsewhere.
struct Elsewhere {
    command: &'static str,
    /// The file that runs it, and the text there.
    run_by: (&'static str, &'static str),
}

/// Commands that build, deploy or test everything cannot run inside a test of the deployed stack.
const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere { command: "make run", run_by: ("Makefile", "$(STACK) sh -ec '$(RUN_AND_CTRL_C);") },
    Elsewhere { command: "make watch", run_by: ("Makefile", "$(STACK) target/debug/demo --watch --once") },
    Elsewhere { command: "make test", run_by: (".ci/run", "make test") },
    Elsewhere { command: "make bench", run_by: ("bench/tests/bench.rs", "CARGO_BIN_EXE_bench") },
    Elsewhere { command: "make bench-parts", run_by: ("Makefile", "--bench parts") },
    Elsewhere { command: "make upgrade-test", run_by: ("Makefile", "release-check: fresh-check upgrade-test") },
    Elsewhere { command: "make deploy", run_by: ("infra/local/upgrade_test.py", "self.make(\"deploy\"") },
    Elsewhere {
        command: "make deploy CONFIG_ENV=staging",
        run_by: ("infra/local/upgrade_test.py", "f\"CONFIG_ENV={UPGRADE}\""),
    },
    Elsewhere {
        command: "make deploy ARCHITECTURE=x86_64",
        run_by: ("infra/local/upgrade_test.py", "f\"ARCHITECTURE={ARCHITECTURE}\""),
    },
    Elsewhere {
        command: "cargo install --locked --path cli",
        run_by: ("Makefile", "cargo install --locked --path cli"),
    },
];

/// The commands of a document's `sh` blocks.
#[derive(Debug, PartialEq, Eq)]
enum Run {
    /// Runs here, in order.
    Here(Vec<Block>),
    /// All of them run elsewhere.
    Nowhere,
}

/// The commands of a block, one per line, without comments.
fn lines(block: &Block) -> Vec<&str> {
    let bare = block.code.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim());
    bare.filter(|line| !line.is_empty() && !line.starts_with("# ")).collect()
}

fn is_run_elsewhere(block: &Block) -> bool {
    let known = |line: &&str| ELSEWHERE.iter().any(|elsewhere| elsewhere.command == *line);
    let lines = lines(block);
    let count = lines.iter().filter(|line| known(line)).count();
    assert!(count == 0 || count == lines.len(), "partly run elsewhere: {}", block.code);
    count > 0
}

fn to_run(document: &Document) -> Run {
    let blocks: Vec<_> = document.blocks_in("sh").filter(|block| !is_run_elsewhere(block)).cloned().collect();
    if blocks.is_empty() { Run::Nowhere } else { Run::Here(blocks) }
}

/// `text` with `word` replaced where it is a whole word.
fn with_word(text: &str, word: &str, by: &str) -> String {
    let part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, found) = rest.split_at(at);
        let (found, after) = found.split_at(word.len());
        let before_it = before.chars().next_back().or_else(|| replaced.chars().next_back());
        let alone = !before_it.is_some_and(part) && !after.chars().next().is_some_and(part);
        replaced.push_str(before);
        replaced.push_str(if alone { by } else { found });
        rest = after;
    }
    replaced + rest
}

/// What a document's commands need: a stack, a platform, a messaging service, and usually the integration `acme`.
struct Fixture {
    platform: GenesysCloud,
    service: MessagingService,
    /// The real name of `acme` in this test.
    name: String,
    /// Replacements for other names, such as the platform's URL.
    replaced: Vec<(&'static str, String)>,
    environment: Vec<(&'static str, String)>,
    /// The working directory.
    folder: PathBuf,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Fixture {
    fn new(stack: &Stack, platform: GenesysCloud, service: MessagingService, name: String) -> Self {
        // Node finds the packages from this folder.
        let folder = root().join(".venv/node").join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        let environment = vec![("API_URL", stack.direct_api_url())];
        Self { platform, service, name, replaced: Vec::new(), environment, folder }
    }

    /// `acme` is connected to Genesys Cloud.
    async fn connected() -> Self {
        let service = MessagingService::start().await;
        let WithPlatform { stack, platform, integration } =
            WithPlatform::delivering_to(&service.url, |configuration| {
                configuration["cards"] = json!({"route": "messaging-service"});
            })
            .await;
        platform.know_message(MESSAGE_ID);
        let conversation = platform.open_conversation(&integration.integration_id, "customer-1");
        let mut fixture = Self::new(&stack, platform, service, integration.name.to_string());
        fixture.environment.extend([
            ("BEARER_TOKEN", BEARER_TOKEN.to_owned()),
            ("CALLER_SECRET", CALLER_SECRET.to_owned()),
            ("CONVERSATION_ID", conversation.conversation_id),
            ("COMMUNICATION_ID", conversation.communication_id),
        ]);
        fixture
    }

    /// `acme` is connected as in the guide, and a message with the guide's ids has been delivered.
    async fn after_a_message() -> Self {
        let mut fixture = Self::unconnected().await;
        let guide = Document::read("docs/connect-genesys-cloud.md");
        let connects = guide.blocks_in("sh").find(|block| block.heading == "2. The integration").unwrap();
        fixture.run("sh", &["-c", &fixture.fill(&connects.code)]).await;
        fixture.run("patchbay", &["webhook", "test", &fixture.name, "--text", "Hello", "--wait"]).await;
        let delivered = fixture.service.wait_until(|attempts| !attempts.is_empty()).await.remove(0);
        fixture.platform.know_message(delivered.message_id());
        log_with(&fixture.name, &[("delivered", delivered.message_id())]).await;
        fixture
            .environment
            .extend([("WEBHOOK_ID", delivered.id.clone()), ("MESSAGE_ID", delivered.message_id().to_owned())]);
        fixture
    }

    /// There is no `acme`: the commands connect it to some platform.
    async fn unconnected() -> Self {
        let (stack, platform) = (Stack::connect().await, GenesysCloud::start().await);
        let (service, name) = (MessagingService::start().await, format!("test-{}", Uuid::new_v4()));
        let mut fixture = Self::new(&stack, platform, service, name);
        fixture.replaced = vec![
            ("mypurecloud.de", fixture.platform.url.clone()),
            ("6f7e8d9c-0b1a-4c2d-8e3f-4a5b6c7d8e9f", CLIENT_ID.to_owned()),
            ("https://messages.example.com/patchbay", fixture.service.url.clone()),
        ];
        fixture.environment.push(("PATCHBAY_SIGNING_SECRET", SIGNING_SECRET.to_owned()));
        fixture.file("client-secret", CLIENT_SECRET);
        fixture
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    /// The text with the names of this test.
    fn fill(&self, code: &str) -> String {
        let code = with_word(code, "acme", &self.name);
        self.replaced.iter().fold(code, |code, (shown, here)| code.replace(shown, here))
    }

    /// Runs a program and returns its output.
    async fn run(&self, program: &str, arguments: &[&str]) -> String {
        let built = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [built, root().join(".venv/bin")].into_iter().chain(std::env::split_paths(&path));
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("PATH", std::env::join_paths(folders).unwrap())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env_remove("http_proxy")
            .stdin(Stdio::null());
        let output: Output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}\n{printed}\n{errors}", arguments.join(" "));
        printed.into_owned()
    }

    /// Runs the document's commands in order and returns their outputs.
    async fn run_all(&mut self, path: &str) -> String {
        let Run::Here(blocks) = to_run(&Document::read(path)) else { panic!("{path} shows no command") };
        let mut printed = String::new();
        for block in blocks {
            if block.code.contains("$BEARER_TOKEN") && !self.knows("BEARER_TOKEN") {
                self.environment.push(("BEARER_TOKEN", self.generated_token().await));
            }
            let script = format!("set -eu\n{}", self.fill(&block.code));
            printed.push_str(&self.run("sh", &["-c", &script]).await);
            printed.push('\n');
        }
        printed
    }

    fn knows(&self, variable: &str) -> bool {
        self.environment.iter().any(|(name, _)| *name == variable)
    }

    /// The bearer token of the integration that the commands have connected.
    async fn generated_token(&self) -> String {
        let shown = self.run("patchbay", &["--json", "integration", "show", &self.name, "--show-secrets"]).await;
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let callers = shown["configuration"]["callers"].as_array().unwrap().iter();
        callers.filter_map(|caller| caller["bearerToken"].as_str()).next().unwrap().to_owned()
    }

    /// The calls to the platform, except those that set up the integration there.
    fn calls(&self) -> Vec<&'static str> {
        let operations = self.platform.calls().into_iter().map(|call| call.operation);
        let set_up = ["integration", "messaging-setting", "supported-content", "identity-resolution"];
        operations.filter(|operation| !set_up.iter().any(|part| operation.contains(part))).collect()
    }

    /// The examples in Python and Node send the same request.
    async fn run_the_signed_example(&self, program: &str, arguments: &[&str]) {
        let program = root().join(".venv/bin").join(program);
        let printed = self.run(program.to_str().unwrap(), arguments).await;
        assert!(printed.contains("conversationId") && printed.contains("posted"), "{printed}");
        assert_eq!(vec!["agentless", "receipt"], self.calls());
        assert_eq!("Your parcel has arrived.", self.platform.calls()[0].body["textBody"]);
    }

    /// The only example in this language.
    fn example(&self, language: &str) -> String {
        let guide = Document::read("docs/api.md");
        let examples: Vec<_> = guide.blocks_in(language).collect();
        let [example] = examples.as_slice() else { panic!("{examples:?}") };
        assert!(example.code.contains("/acme/"), "{}", example.code);
        self.fill(&example.code)
    }
}

#[tokio::test]
async fn the_receipt_in_the_guide_for_messaging_services_is_posted() {
    let mut fixture = Fixture::connected().await;
    let printed = fixture.run_all("docs/messaging-service.md").await;
    assert!(printed.contains("posted"), "{printed}");
    let [call] = &fixture.platform.calls()[..] else { panic!("{:?}", fixture.calls()) };
    let reason = json!([{"code": "GeneralError", "message": "Unreachable destination handset (30003)"}]);
    assert_eq!((&json!("Failed"), &reason), (&call.body["status"], &call.body["reasons"]));
}

#[tokio::test]
async fn the_calls_in_the_guide_to_the_routes_work() {
    let mut fixture = Fixture::connected().await;
    let printed = fixture.run_all("docs/api.md").await;
    let expected = [
        "inbound-message",
        "structured-response",
        "inbound-event",
        "agentless",
        "create-upload",
        "media",
        "media",
        "agent-message",
        "agent-typing",
        "conversation",
        "conversation",
        "end-conversation",
        "agentless",
        "receipt",
    ];
    assert_eq!(expected.as_slice(), fixture.calls(), "{printed}");
    let card = fixture.service.wait_until(|attempts| !attempts.is_empty()).await;
    assert_eq!("message.structured", card[0].body["type"]);
}

#[tokio::test]
async fn the_example_in_python_works() {
    let fixture = Fixture::connected().await;
    fixture.run_the_signed_example("python", &["-c", &fixture.example("python")]).await;
}

#[tokio::test]
async fn the_example_in_node_works() {
    let fixture = Fixture::connected().await;
    fixture.file("example.mjs", &fixture.example("js"));
    fixture.run_the_signed_example("node", &["example.mjs"]).await;
}

#[tokio::test]
async fn following_the_readme_delivers_a_message_to_a_customer() {
    let mut fixture = Fixture::unconnected().await;
    let printed = fixture.run_all("README.md").await;
    assert_eq!(vec!["agentless"], fixture.calls(), "{printed}");
}

#[tokio::test]
async fn following_the_guide_to_genesys_cloud_connects_an_integration() {
    let mut fixture = Fixture::unconnected().await;
    fixture.run_all("docs/connect-genesys-cloud.md").await;
    assert!(!fixture.service.accepted().is_empty());
}

#[tokio::test]
async fn following_the_guide_to_multicloud_cx_connects_an_integration() {
    let mut fixture = Fixture::unconnected().await;
    let platform = MulticloudCx::start().await;
    fixture.replaced.extend([
        ("https://api-eu.genesyscloud.example", platform.url.clone()),
        ("8b3c7a52-0f4e-4a7e-9c33-b1f5c7a2d9e0", CONTACT_CENTER_ID.to_owned()),
    ]);
    fixture.file("app-secret", APP_SECRET);
    fixture.run_all("docs/connect-multicloud-cx.md").await;
    assert!(!fixture.service.accepted().is_empty());
}

#[tokio::test]
async fn following_the_guide_to_highlevel_connects_an_integration() {
    let mut fixture = Fixture::unconnected().await;
    let platform = HighLevel::start().await;
    let here = format!("--platform highlevel --api-base-url {}", platform.url);
    fixture.replaced.push(("--platform highlevel", here));
    fixture.file("client-secret", APP_CLIENT_SECRET);
    let code = platform.oauth().authorize("l1C08ntBrFjLS0elLIYU", UserType::Location);
    fixture.replaced.push(("integration authorize", format!("integration authorize --code {code}")));
    fixture.run_all("docs/connect-highlevel.md").await;
}

#[tokio::test]
async fn the_commands_in_the_guide_to_the_command_work() {
    let mut fixture = Fixture::after_a_message().await;
    let printed = fixture.run_all("docs/command.md").await;
    let expected = ["inbound-message", "inbound-event", "structured-response", "agentless", "agentless", "receipt"];
    assert_eq!(expected.as_slice(), fixture.calls(), "{printed}");
}

#[tokio::test]
async fn the_commands_in_the_guide_for_operators_work() {
    let mut fixture = Fixture::after_a_message().await;
    let _alone = (DEAD_LETTERS.lock().await, FAILED_MESSAGES.lock().await);
    let printed = fixture.run_all("docs/operate.md").await;
    assert!(printed.contains("delivered"), "{printed}");
}

/// The documents whose commands the tests above run.
const RUN: &[&str] = &[
    "README.md",
    "docs/api.md",
    "docs/command.md",
    "docs/connect-genesys-cloud.md",
    "docs/connect-highlevel.md",
    "docs/connect-multicloud-cx.md",
    "docs/messaging-service.md",
    "docs/operate.md",
];

#[test]
fn every_document_with_commands_is_run() {
    let all = Document::all();
    let shows = |document: &&Document| to_run(document) != Run::Nowhere;
    let shown: Vec<_> = all.iter().filter(shows).map(|document| document.path.to_str().unwrap()).collect();
    assert_eq!(RUN, shown);
}

#[test]
fn commands_that_run_elsewhere_do_run_there_and_are_documented() {
    let documents = Document::all();
    for Elsewhere { command, run_by: (file, words) } in ELSEWHERE {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(words), "{file} does not run `{command}`");
        let shown = |document: &Document| document.blocks_in("sh").any(|block| lines(block).contains(command));
        assert!(documents.iter().any(shown), "no document shows `{command}`");
    }
}

#[test]
fn commands_are_in_sh_blocks() {
    let programs = ["make", "patchbay", "curl", "sam", "aws", "cargo", "git", "python", "node", "export", "$"];
    for document in Document::all() {
        for block in document.blocks.iter().filter(|block| block.language != "sh") {
            let known = ["", "json", "js", "python"].contains(&block.language.as_str());
            assert!(known, "{}: what is `{}`?", document.path.display(), block.language);
            let begins = |line: &str| line.split_whitespace().next().is_some_and(|word| programs.contains(&word));
            assert!(!block.code.lines().any(begins), "{}: {}", document.path.display(), block.code);
        }
    }
}

#[test]
fn a_name_is_replaced_only_as_a_whole_word() {
    assert_eq!("b /b/ b.x acme-2 my-acme", with_word("acme /acme/ acme.x acme-2 my-acme", "acme", "b"));
}
