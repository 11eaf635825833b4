//! The examples of the README, run as they stand there.

use crate::platform::WithPlatform;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tests::caller::{BEARER_TOKEN, CALLER_SECRET};
use tests::genesys_cloud_api::GenesysCloud;
use tests::stack::TestIntegration;

const README: &str = include_str!("../../README.md");

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
        let WithPlatform { stack, platform, integration } = WithPlatform::start().await;
        // The emulator's other form of the same address: not every resolver knows names under localhost.
        let (_, host) = stack.api_url.split_once("://").unwrap();
        let (id, port) = (host.split('.').next().unwrap(), host.rsplit(':').next().unwrap());
        let api_url = format!("http://127.0.0.1:{port}/_aws/execute-api/{id}/$default");
        Self { platform, integration, api_url }
    }

    async fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("API_URL", &self.api_url)
            .env("BEARER_TOKEN", BEARER_TOKEN)
            .env("CALLER_SECRET", CALLER_SECRET)
            .env_remove("http_proxy");
        let output: Output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{printed}\n{errors}");
        assert!(printed.contains("conversationId") && printed.contains("posted"), "{printed}");
        let done: Vec<_> = self.platform.calls().iter().map(|call| call.operation).collect();
        assert_eq!(vec!["agentless", "receipt"], done);
        assert_eq!("Your parcel has arrived.", self.platform.calls()[0].body["textBody"]);
    }
}

#[tokio::test]
async fn the_example_with_curl_works() {
    let setting = Setting::new().await;
    let script = format!("set -e\n{}", example("With curl", "sh", &setting.integration));
    setting.run("sh", &["-c", &script]).await;
}

#[tokio::test]
async fn the_example_in_python_works() {
    let setting = Setting::new().await;
    let script = example("In Python, signed", "python", &setting.integration);
    setting.run(root().join(".venv/bin/python").to_str().unwrap(), &["-c", &script]).await;
}

#[tokio::test]
async fn the_example_in_node_works() {
    let setting = Setting::new().await;
    // Beside the packages, where Node looks for them.
    let file = root().join(format!(".venv/node/{}.mjs", setting.integration.name));
    std::fs::write(&file, example("In Node, signed", "js", &setting.integration)).unwrap();
    setting.run(root().join(".venv/bin/node").to_str().unwrap(), &[file.to_str().unwrap()]).await;
    std::fs::remove_file(file).unwrap();
}
