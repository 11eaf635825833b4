//! Runs the receiver of the guide for messaging services.

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::signature::standard_webhooks::{SigningSecret, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, sign};
use std::path::PathBuf;
use std::process::Stdio;
use tests::harness::listener::listen;
use tests::harness::stack::{SIGNING_SECRET, Stack};
use tests::simulators::genesys_cloud::WIRE;
use tests::simulators::messaging_service::WAIT_TIMEOUT;
use tests::spec::documents::Document;
use tests::spec::documents::root;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use uuid::Uuid;

/// The running receiver. It ends when this is dropped.
struct Receiver {
    url: String,
    folder: PathBuf,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Receiver {
    fn start() -> Self {
        let guide = Document::read("docs/messaging-service.md");
        let examples: Vec<_> = guide.blocks_in("python").collect();
        let [example] = examples.as_slice() else { panic!("{examples:?}") };
        let port = listen().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("receiver-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let mut process = Command::new(root().join(".venv/bin/python"))
            .args(["-c", &example.code])
            .current_dir(&folder)
            .env("SIGNING_SECRET", SIGNING_SECRET)
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { url: format!("http://127.0.0.1:{port}/"), folder, output, _process: process }
    }

    /// The next lines of its output.
    async fn printed(&mut self, count: usize) -> String {
        let mut lines = Vec::new();
        while lines.len() < count {
            let line = tokio::time::timeout(WAIT_TIMEOUT, self.output.next_line()).await;
            lines.push(line.expect("it prints in time").unwrap().expect("it runs"));
        }
        lines.join("\n")
    }

    /// Posts a delivery and returns the status.
    async fn post(&self, stack: &Stack, id: &str, secret: &str, data: &Value) -> u16 {
        let now = Timestamp::now();
        let body = json!({"type": "message.text", "timestamp": now, "data": data}).to_string();
        let signature = sign(&[SigningSecret::parse(secret).unwrap()], id, now, body.as_bytes());
        let request = stack.http.post(&self.url).header(WEBHOOK_ID, id).header(WEBHOOK_SIGNATURE, signature);
        let request = request.header(WEBHOOK_TIMESTAMP, now.as_second().to_string()).body(body);
        request.send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn the_receiver_in_the_guide_sends_each_message_once_as_plain_text() {
    let (stack, mut receiver) = (Stack::connect().await, Receiver::start());
    let integration = stack.integration(&receiver.url, |_| {}).await;
    let replies = WIRE.iter().find(|sample| sample.name == "quick-replies").unwrap();
    replies.fill(&integration.integration_id, "customer-17").accepted(&stack, &integration).await;
    assert_eq!("to customer-17:\nDid that answer your question?\n\n1. Yes\n2. No", receiver.printed(5).await);

    let data = |intent: &str, text: &str| json!({"intent": intent, "to": {"id": "c"}, "fallbackText": text});
    let another_secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert_eq!(401, receiver.post(&stack, "msg_1", another_secret, &data("send", "forged")).await);
    for _ in 0..2 {
        assert_eq!(200, receiver.post(&stack, "msg_2", SIGNING_SECRET, &data("send", "twice")).await);
    }
    assert_eq!(200, receiver.post(&stack, "msg_3", SIGNING_SECRET, &data("sent", "by the platform")).await);
    let public = json!({"intent": "send", "public": true, "to": {"id": "c"}, "fallbackText": "for all to see"});
    assert_eq!(422, receiver.post(&stack, "msg_6", SIGNING_SECRET, &public).await);
    assert_eq!(200, receiver.post(&stack, "msg_4", SIGNING_SECRET, &json!({"integration": "acme"})).await);
    let to_nobody = json!({"intent": "send", "fallbackText": "to whom?"});
    assert_eq!(422, receiver.post(&stack, "msg_7", SIGNING_SECRET, &to_nobody).await);
    assert_eq!(200, receiver.post(&stack, "msg_5", SIGNING_SECRET, &data("send", "last")).await);
    assert_eq!("to c:\ntwice\nto c:\nlast", receiver.printed(4).await);
}
