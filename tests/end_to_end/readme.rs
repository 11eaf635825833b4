//! The examples of the README, run as they stand there.

use crate::platform::WithPlatform;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tests::caller::{BEARER_TOKEN, CALLER_SECRET};
use tests::genesys_cloud_api::GenesysCloud;
use tests::stack::TestIntegration;

const README: &str = include_str!("../../README.md");

/// The examples with curl, in their order.
fn curl_examples(integration: &TestIntegration) -> String {
    let blocks = README.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let calls = blocks.filter(|block| block.contains("$API_URL")).map(|block| format!("{block}\necho\n"));
    calls.collect::<String>().replace("/acme/", &format!("/{}/", integration.name))
}

/// The example under this heading.
fn example(heading: &str, language: &str, integration: &TestIntegration) -> String {
    let (_, rest) = README.split_once(&format!("### {heading}\n")).unwrap();
    let (_, rest) = rest.split_once(&format!("```{language}\n")).unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    assert!(code.contains("/acme/"), "{code}");
    code.replace("/acme/", &format!("/{}/", integration.name))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

struct Setting {
    platform: GenesysCloud,
    integration: TestIntegration,
    api_url: String,
}

impl Setting {
    async fn new() -> Self {
        let WithPlatform { stack, platform, integration } =
            WithPlatform::delivering_to("http://127.0.0.1:9/", |configuration| {
                configuration["cards"] = json!({"route": "messaging-service"});
            })
            .await;
        let api_url = stack.direct_api_url();
        Self { platform, integration, api_url }
    }

    /// Runs a program, and returns what it printed and which calls the platform got.
    async fn run(&self, program: &str, arguments: &[&str]) -> (String, Vec<&'static str>) {
        let conversation = self.platform.open_conversation(&self.integration.integration_id, "customer-1");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("API_URL", &self.api_url)
            .env("BEARER_TOKEN", BEARER_TOKEN)
            .env("CALLER_SECRET", CALLER_SECRET)
            .env("CONVERSATION_ID", conversation.conversation_id)
            .env("COMMUNICATION_ID", conversation.communication_id)
            .env_remove("http_proxy");
        let output: Output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{printed}\n{errors}");
        (printed.into_owned(), self.platform.calls().iter().map(|call| call.operation).collect())
    }

    /// The examples in Python and Node do the same.
    async fn run_the_signed_example(&self, program: &str, arguments: &[&str]) {
        let (printed, calls) = self.run(program, arguments).await;
        assert!(printed.contains("conversationId") && printed.contains("posted"), "{printed}");
        assert_eq!(vec!["agentless", "receipt"], calls);
        assert_eq!("Your parcel has arrived.", self.platform.calls()[0].body["textBody"]);
    }
}

#[tokio::test]
async fn the_examples_with_curl_work() {
    let setting = Setting::new().await;
    let script = format!("set -e\n{}", curl_examples(&setting.integration));
    let (printed, calls) = setting.run("sh", &["-c", &script]).await;
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
        "agentless",
        "receipt",
    ];
    assert_eq!(expected.as_slice(), calls, "{printed}");
}

#[tokio::test]
async fn the_example_in_python_works() {
    let setting = Setting::new().await;
    let script = example("In Python, signed", "python", &setting.integration);
    setting.run_the_signed_example(root().join(".venv/bin/python").to_str().unwrap(), &["-c", &script]).await;
}

#[tokio::test]
async fn the_example_in_node_works() {
    let setting = Setting::new().await;
    // Beside the packages, where Node looks for them.
    let file = root().join(format!(".venv/node/{}.mjs", setting.integration.name));
    std::fs::write(&file, example("In Node, signed", "js", &setting.integration)).unwrap();
    setting.run_the_signed_example(root().join(".venv/bin/node").to_str().unwrap(), &[file.to_str().unwrap()]).await;
    std::fs::remove_file(file).unwrap();
}
