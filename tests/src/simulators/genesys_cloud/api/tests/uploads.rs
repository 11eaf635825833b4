//! Media, from the request for an upload URL to the message.

use super::super::{Conversation, Fault, ScanResult, Upload};
use super::{Client, INTEGRATION, within};
use crate::simulators::messaging_service::WAIT_TIMEOUT;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const BYTES: &[u8] = b"not really a picture";

/// A created upload and a client.
struct Fixture {
    client: Client,
    conversation: Conversation,
    created: Value,
}

impl Fixture {
    async fn start() -> Self {
        let client = Client::start().await;
        let conversation = client.platform.open_conversation(INTEGRATION, "customer-1");
        let upload = json!({"fileName": "map.png", "contentLengthBytes": BYTES.len()});
        let created = client.done(&within(&conversation, "messages/media/uploads"), &upload).await;
        Self { client, conversation, created }
    }

    /// A PUT with the required headers.
    fn put(&self) -> reqwest::RequestBuilder {
        self.put_without("")
    }

    /// A PUT without one of the required headers.
    fn put_without(&self, left_out: &str) -> reqwest::RequestBuilder {
        let mut put = self.client.http.put(self.created["uploadUrl"].as_str().unwrap());
        for (name, value) in self.created["uploadHeaders"].as_object().unwrap() {
            if name != left_out {
                put = put.header(name, value.as_str().unwrap());
            }
        }
        put
    }

    /// Uploads the bytes correctly.
    async fn upload(&self) {
        assert_eq!(200, status(self.put().body(BYTES)).await);
    }

    async fn media(&self) -> Value {
        let path = format!("messages/media/{}", self.created["id"].as_str().unwrap());
        self.client.get(&within(&self.conversation, &path)).await.1
    }

    async fn statuses(&self, count: usize) -> Vec<Value> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(self.media().await["status"].clone());
        }
        statuses
    }

    async fn send(&self, conversation: &Conversation) -> u16 {
        let body = json!({"mediaIds": [self.created["id"]]});
        self.client.post(&within(conversation, "messages"), &body).await.0.as_u16()
    }

    fn stored(&self) -> Upload {
        self.client.platform.uploads().remove(0)
    }
}

async fn status(request: reqwest::RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn bytes_that_were_uploaded_become_valid_and_can_be_sent_and_fetched() {
    let fixture = Fixture::start().await;
    assert_eq!("map.png", fixture.created["name"]);
    fixture.upload().await;
    let (bytes, content_type) = (fixture.stored().bytes.unwrap(), fixture.stored().content_type);
    assert_eq!((BYTES, "image/png", 1), (&*bytes, content_type, fixture.client.platform.upload_attempts()));
    assert_eq!(vec!["uploading", "valid", "valid"], fixture.statuses(3).await);
    assert_eq!(200, fixture.send(&fixture.conversation).await);
    let media = fixture.media().await;
    let fetched = fixture.client.http.get(media["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!("image/png", fetched.headers()["content-type"]);
    assert_eq!(BYTES, &*fetched.bytes().await.unwrap());
    for (field, value) in [
        ("id", fixture.created["id"].clone()),
        ("name", json!("map.png")),
        ("contentLengthBytes", json!(BYTES.len())),
        ("conversationId", json!(fixture.conversation.conversation_id)),
        ("communicationId", json!(fixture.conversation.communication_id)),
    ] {
        assert_eq!(value, media[field], "{field}");
    }
}

#[tokio::test]
async fn before_the_bytes_are_there_it_is_uploading_however_often_one_asks() {
    let fixture = Fixture::start().await;
    assert_eq!(vec!["uploading"; 4], fixture.statuses(4).await);
    fixture.upload().await;
    assert_eq!(vec!["uploading", "valid"], fixture.statuses(2).await);
}

#[tokio::test]
async fn the_scan_takes_the_configured_time_and_has_the_configured_result() {
    for (scan_result, expected) in [
        (ScanResult::Valid { after: 0 }, ["valid", "valid", "valid"]),
        (ScanResult::Valid { after: 2 }, ["uploading", "uploading", "valid"]),
        (ScanResult::Invalid { after: 1 }, ["uploading", "invalid", "invalid"]),
        (ScanResult::Never, ["uploading", "uploading", "uploading"]),
    ] {
        let fixture = Fixture::start().await;
        fixture.client.platform.set_scan_result(scan_result);
        fixture.upload().await;
        assert_eq!(expected.to_vec(), fixture.statuses(3).await, "{scan_result:?}");
        let sent = fixture.send(&fixture.conversation).await;
        assert_eq!(if expected[2] == "valid" { 200 } else { 400 }, sent, "{scan_result:?}");
    }
}

#[tokio::test]
async fn media_is_sent_only_where_it_was_uploaded_and_only_once_it_is_known_to_be_valid() {
    let fixture = Fixture::start().await;
    assert_eq!(400, fixture.send(&fixture.conversation).await);
    fixture.upload().await;
    assert_eq!(400, fixture.send(&fixture.conversation).await, "the upload was not polled yet");
    fixture.statuses(2).await;
    let other = fixture.client.platform.open_conversation(INTEGRATION, "customer-2");
    assert_eq!(400, fixture.send(&other).await);
    assert_eq!(200, fixture.send(&fixture.conversation).await);
    let path = format!("messages/media/{}", fixture.created["id"].as_str().unwrap());
    assert_eq!(404, fixture.client.get(&within(&other, &path)).await.0.as_u16());
    assert_eq!(404, fixture.client.get(&within(&fixture.conversation, "messages/media/other")).await.0.as_u16());
}

#[tokio::test]
async fn an_upload_with_the_token_is_refused() {
    let fixture = Fixture::start().await;
    assert_eq!(400, status(fixture.put().bearer_auth(&fixture.client.token).body(BYTES)).await);
    assert_eq!(None, fixture.stored().bytes);
}

#[tokio::test]
async fn an_upload_without_its_headers_or_to_a_guessed_address_is_forbidden() {
    let fixture = Fixture::start().await;
    let headers = fixture.created["uploadHeaders"].as_object().unwrap();
    assert!(headers.len() > 1);
    for name in headers.keys() {
        assert_eq!(403, status(fixture.put_without(name).body(BYTES)).await, "{name}");
        let other = fixture.put_without(name).header(name, "other");
        assert_eq!(403, status(other.body(BYTES)).await, "{name}");
    }
    let mut guessed = Fixture { created: fixture.created.clone(), ..fixture };
    guessed.created["uploadUrl"] = format!("{}0", guessed.created["uploadUrl"].as_str().unwrap()).into();
    assert_eq!(403, status(guessed.put().body(BYTES)).await);
    assert_eq!(None, guessed.stored().bytes);
}

#[tokio::test]
async fn an_upload_has_the_length_that_was_announced() {
    let fixture = Fixture::start().await;
    assert_eq!(400, status(fixture.put().body(&BYTES[1..])).await);
    assert_eq!(400, status(fixture.put().body([BYTES, b"!"].concat())).await);
    assert_eq!(None, fixture.stored().bytes);
    fixture.upload().await;
    assert_eq!(3, fixture.client.platform.upload_attempts());
}

#[tokio::test]
async fn uploads_have_faults_of_their_own() {
    let fixture = Fixture::start().await;
    let platform = &fixture.client.platform;
    platform.fail_uploads([
        Fault::Status(503),
        Fault::Reset,
        Fault::ResponseLost,
        Fault::Slow(Duration::from_millis(1)),
    ]);
    assert_eq!(vec!["uploading"], fixture.statuses(1).await, "API calls are not affected");
    assert_eq!(503, status(fixture.put().body(BYTES)).await);
    assert!(fixture.put().body(BYTES).send().await.is_err());
    assert_eq!(None, fixture.stored().bytes);
    assert!(fixture.put().body(BYTES).send().await.is_err());
    assert!(fixture.stored().bytes.is_some(), "only the response was lost");
    fixture.upload().await;
    assert_eq!(4, platform.upload_attempts());
}

#[tokio::test]
async fn an_upload_that_is_reset_is_closed_without_an_answer_before_the_rest_has_come() {
    let fixture = Fixture::start().await;
    fixture.client.platform.fail_uploads([Fault::Reset]);
    let url = reqwest::Url::parse(fixture.created["uploadUrl"].as_str().unwrap()).unwrap();
    let mut connection = TcpStream::connect(url.socket_addrs(|| None).unwrap()[0]).await.unwrap();
    let target = &url[url::Position::BeforePath..];
    let head = format!("PUT {target} HTTP/1.1\r\nhost: storage\r\ncontent-length: {}\r\n\r\n", BYTES.len());
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&BYTES[..BYTES.len() / 2]).await.unwrap();
    let mut answer = Vec::new();
    timeout(WAIT_TIMEOUT, connection.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.is_empty(), "{answer:?}");
    assert_eq!(None, fixture.stored().bytes);
}
