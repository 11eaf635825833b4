//! What a document's commands need, and how they run.

use super::documented_commands::{Run, to_run};
use crate::fixtures::WithPlatform;
use crate::observability::logs::log_with;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tests::harness::caller::{BEARER_TOKEN, CALLER_SECRET};
use tests::harness::stack::{SIGNING_SECRET, Stack};
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET, GenesysCloud};
use tests::simulators::messaging_service::MessagingService;
use tests::spec::documents::{Document, root};
use uuid::Uuid;

/// The message with the choice in the guide to the routes.
const MESSAGE_ID: &str = "c327c2078ca056db130c55ce648d9fa2";

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

/// A stack, a platform, a messaging service, and usually the integration `acme`.
pub(super) struct Fixture {
    pub(super) platform: GenesysCloud,
    pub(super) service: MessagingService,
    /// The real name of `acme` in this test.
    name: String,
    /// Replacements for other names, such as the platform's URL.
    pub(super) replaced: Vec<(&'static str, String)>,
    environment: Vec<(&'static str, String)>,
    /// The working directory.
    pub(super) folder: PathBuf,
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
        let environment = vec![("API_URL", stack.api_url.clone())];
        Self { platform, service, name, replaced: Vec::new(), environment, folder }
    }

    /// `acme` is connected to Genesys Cloud.
    pub(super) async fn connected() -> Self {
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
    pub(super) async fn after_a_message() -> Self {
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
    pub(super) async fn unconnected() -> Self {
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

    pub(super) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    /// The text with the names of this test.
    pub(super) fn fill(&self, code: &str) -> String {
        let code = with_word(code, "acme", &self.name);
        self.replaced.iter().fold(code, |code, (shown, here)| code.replace(shown, here))
    }

    /// Runs a program and returns its output.
    pub(super) async fn run(&self, program: &str, arguments: &[&str]) -> String {
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
    pub(super) async fn run_all(&mut self, path: &str) -> String {
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
    pub(super) fn calls(&self) -> Vec<&'static str> {
        let operations = self.platform.calls().into_iter().map(|call| call.operation);
        let set_up = ["integration", "messaging-setting", "supported-content", "identity-resolution"];
        operations.filter(|operation| !set_up.iter().any(|part| operation.contains(part))).collect()
    }

    /// The examples in Python and Node send the same request.
    pub(super) async fn run_the_signed_example(&self, program: &str, arguments: &[&str]) {
        let program = root().join(".venv/bin").join(program);
        let printed = self.run(program.to_str().unwrap(), arguments).await;
        assert!(printed.contains("conversationId") && printed.contains("posted"), "{printed}");
        assert_eq!(vec!["agentless", "receipt"], self.calls());
        assert_eq!("Your parcel has arrived.", self.platform.calls()[0].body["textBody"]);
    }

    /// The only example in this language.
    pub(super) fn example(&self, language: &str) -> String {
        let guide = Document::read("docs/api.md");
        let examples: Vec<_> = guide.blocks_in(language).collect();
        let [example] = examples.as_slice() else { panic!("{examples:?}") };
        assert!(example.code.contains("/acme/"), "{}", example.code);
        self.fill(&example.code)
    }
}

#[test]
fn a_name_is_replaced_only_as_a_whole_word() {
    assert_eq!("b /b/ b.x acme-2 my-acme", with_word("acme /acme/ acme.x acme-2 my-acme", "acme", "b"));
}
