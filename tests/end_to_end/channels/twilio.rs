//! Twilio: what is particular to it.

use super::customer::Connection;
use super::platform::FromAgent;
use crate::observability::logs::log_with;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use shared::channel::ChannelName;
use shared::model::endpoint::{Endpoint, EndpointKind};
use shared::platform::PlatformName;
use std::time::Duration;
use tests::harness::command::Command;
use tests::harness::stack::FAILED_MESSAGES;
use tests::simulators::genesys_cloud::api::GenesysCloud;
use tests::simulators::genesys_cloud::{WIRE, Webhook};
use tests::simulators::twilio::{API_KEY, API_KEY_SECRET, Fault, Inbound, MESSAGING_SERVICE, NUMBER, Status};

async fn connection() -> Connection {
    configured(|_| {}).await
}

async fn configured(change: impl FnOnce(&mut Value)) -> Connection {
    Connection::configured(PlatformName::GenesysCloud, ChannelName::Twilio, change).await
}

impl Connection {
    fn address(&self) -> String {
        self.integration.route_url("channel")
    }

    /// The receipts of a message: their statuses and the codes of their reasons.
    fn receipts_of(&self, message_id: &str) -> Vec<(String, Value)> {
        let calls = self.genesys_cloud().calls_of("receipt").into_iter();
        let own = calls.filter(|call| call.body["id"] == message_id);
        own.map(|call| (call.body["status"].as_str().unwrap().to_owned(), call.body["reasons"].clone())).collect()
    }

    fn genesys_cloud(&self) -> &GenesysCloud {
        let super::platform::Platform::GenesysCloud(platform) = &self.platform else { panic!("another platform") };
        platform
    }

    /// The texts that customers wrote, as the platform got them.
    fn written(&self) -> Vec<String> {
        self.platform.customers_messages().into_iter().map(|(text, _)| text).collect()
    }

    /// Waits until the message has failed, and returns the code of the reason.
    async fn failure_of(&self, message_id: &str) -> Value {
        self.wait_for_receipt(message_id, "Failed").await;
        self.receipts_of(message_id).pop().unwrap().1[0]["code"].clone()
    }
}

#[tokio::test]
async fn a_long_text_is_sent_in_order_and_delivered_with_its_last_part() {
    let connection = connection().await;
    let text = "🙂".repeat(2_000);
    let id = connection.agent(&FromAgent::Text(&text)).await;
    let messages = connection.twilio().wait_for(2).await;
    assert_eq!(text, messages.iter().map(|message| message.body.as_str()).collect::<String>());
    // The report about the first part says nothing about the whole: a later report's receipt comes, and none before it.
    assert_eq!(200, connection.twilio().report(&messages[0], Status::DELIVERED).await.status);
    let after = connection.agent(&FromAgent::Text("After")).await;
    let short = connection.twilio().wait_for(3).await.remove(2);
    connection.twilio().report(&short, Status::DELIVERED).await;
    connection.wait_for_receipt(&after, "Delivered").await;
    assert_eq!(0, connection.receipts_of(&id).len());
    connection.twilio().report(&messages[1], Status::DELIVERED).await;
    connection.wait_for_receipt(&id, "Delivered").await;
    let next = connection.agent(&FromAgent::Text(&text)).await;
    let messages = connection.twilio().wait_for(5).await;
    connection.twilio().report(&messages[3], Status::failed(30005)).await;
    assert_eq!("InvalidDestination", connection.failure_of(&next).await);
    assert_eq!(1, connection.receipts_of(&id).len());
}

#[tokio::test]
async fn too_large_a_body_is_refused_before_its_signature_is_checked() {
    let connection = connection().await;
    let large = Inbound::text(&connection.customer, &"x".repeat(131_072));
    let webhook = connection.twilio().inbound(&connection.address(), &large).without_signature();
    assert_eq!(413, connection.twilio().post(&webhook).await.status);
}

#[tokio::test]
async fn a_forged_webhook_is_refused_and_a_repeated_one_is_posted_once() {
    let connection = connection().await;
    let twilio = connection.twilio();
    let inbound = Inbound::text(&connection.customer, "Once");
    let webhook = twilio.inbound(&connection.address(), &inbound);
    for bad in [
        webhook.clone().forged(),
        webhook.clone().without_signature(),
        webhook.clone().signed_with("another-token-of-the-tests"),
    ] {
        assert_eq!(401, twilio.post(&bad).await.status);
    }
    // A signature covers the address: one for the webhook is none for a status.
    let elsewhere = webhook.clone().at(&format!("{}/status/token", connection.address()));
    assert_eq!(401, twilio.post(&elsewhere).await.status);
    for _ in 0..3 {
        twilio.post(&webhook).await.assert_received();
    }
    connection.customer_writes("The next").await;
    connection.wait_for_customers(2).await;
    assert_eq!(vec!["Once", "The next"], connection.written());
}

#[tokio::test]
async fn statuses_in_any_order_and_twice_are_reported_once() {
    let connection = connection().await;
    let id = connection.agent(&FromAgent::Text("Hello")).await;
    let message = connection.twilio().wait_for(1).await.remove(0);
    for status in [Status::DELIVERED, Status::SENT, Status::DELIVERED, Status::word("queued"), Status::word("surprise")]
    {
        assert_eq!(200, connection.twilio().report(&message, status).await.status);
    }
    connection.wait_for_receipt(&id, "Delivered").await;
    // A later message's receipt follows all of these.
    let next = connection.agent(&FromAgent::Text("Next")).await;
    let message = connection.twilio().wait_for(2).await.remove(1);
    connection.twilio().report(&message, Status::undelivered(30003)).await;
    assert_eq!("GeneralError", connection.failure_of(&next).await);
    assert_eq!(1, connection.receipts_of(&id).len());
}

#[tokio::test]
async fn what_twilio_did_not_do_is_retried_in_order() {
    let connection = connection().await;
    connection.twilio().fail([Fault::RateLimited(1), Fault::RateLimited(1)]);
    for number in 0..3 {
        connection.agent(&FromAgent::Text(&number.to_string())).await;
    }
    let messages = connection.twilio().wait_for(3).await;
    assert_eq!(vec!["0", "1", "2"], messages.iter().map(|message| message.body.as_str()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_message_that_twilio_may_have_sent_is_sent_again_only_by_a_replay() {
    let connection = connection().await;
    for fault in [Fault::Status(500), Fault::ResponseLost] {
        let before = connection.twilio().attempts();
        connection.twilio().fail([fault]);
        let id = connection.agent(&FromAgent::Text(&format!("{fault:?}"))).await;
        assert_eq!("GeneralError", connection.failure_of(&id).await, "{fault:?}");
        connection.agent(&FromAgent::Text("After")).await;
        connection.twilio().wait_for_attempts(before + 2).await;
        assert_eq!(before + 2, connection.twilio().attempts(), "{fault:?}");
    }
    let lost = connection.twilio().wait_for_text("ResponseLost").await;
    connection.twilio().report(&lost, Status::DELIVERED).await;
    let name = connection.integration.name.as_str();
    log_with(name, &[("failed", "reason"), ("receipt_posted", "Delivered")]).await;
    let _alone = FAILED_MESSAGES.lock().await;
    let replay = Command::new(&["--json", "failed", "replay", "--yes", "--integration", name]);
    let without = replay.clone().run().await.succeeded().json();
    assert_eq!((&json!(0), &json!(2)), (&without["replayed"], &without["leftOut"]));
    let replayed = replay.with(&["--reason", "outcome-unknown"]).run().await.succeeded().json();
    assert_eq!((&json!(2), &json!(0)), (&replayed["replayed"], &replayed["leftOut"]));
    connection.twilio().wait_for_text("Status(500)").await;
    log_with(name, &[("dropped", "the channel has reported that it was sent")]).await;
    let sent = |text: &str| connection.twilio().messages().iter().filter(|message| message.body == text).count();
    assert_eq!((1, 1), (sent("Status(500)"), sent("ResponseLost")));
}

#[tokio::test]
async fn a_message_that_was_limited_until_it_was_given_up_failed_for_that_reason() {
    let connection = configured(|channel| channel["giveUpAfterSeconds"] = 1.into()).await;
    connection.twilio().fail([Fault::RateLimited(60); 9]);
    let id = connection.agent(&FromAgent::Text("Too much")).await;
    assert_eq!("RateLimited", connection.failure_of(&id).await);
}

#[tokio::test]
async fn typing_spends_no_trial_of_the_circuit() {
    for channel in [ChannelName::Twilio, ChannelName::Telegram] {
        let connection = Connection::new(PlatformName::GenesysCloud, channel).await;
        let (ledger, name) = (connection.stack.ledger(), &connection.integration.name);
        let endpoint = Endpoint::new(name.clone(), EndpointKind::MessagingService);
        ledger.count_timeout(&endpoint, Timestamp::now()).await.unwrap();
        assert!(ledger.open_circuit(&endpoint, None, Timestamp::now()).await.unwrap());
        let before = ledger.circuit(&endpoint).await.unwrap();
        let typing = WIRE.iter().find(|sample| sample.fill("", "").json()["type"] == "Event").unwrap();
        let typing = typing.fill(&connection.integration.integration_id, &connection.customer);
        typing.accepted(&connection.stack, &connection.integration).await;
        log_with(name.as_str(), &[("\"outcome\":\"dropped\"", "")]).await;
        assert_eq!(before, ledger.circuit(&endpoint).await.unwrap());
    }
}

#[tokio::test]
async fn a_send_that_is_not_answered_in_time_is_not_repeated() {
    let connection = connection().await;
    connection.twilio().fail([Fault::ResponseSlow(Duration::from_secs(60))]);
    let id = connection.agent(&FromAgent::Text("Slow")).await;
    assert_eq!("GeneralError", connection.failure_of(&id).await);
    connection.agent(&FromAgent::Text("After")).await;
    connection.twilio().wait_for_text("After").await;
    let texts: Vec<_> = connection.twilio().messages().into_iter().map(|message| message.body).collect();
    assert_eq!(vec!["Slow", "After"], texts);
}

#[tokio::test]
async fn a_refusal_is_final_and_named() {
    let connection = connection().await;
    for (code, reason) in [(21610, "RecipientOptedOut"), (21614, "InvalidDestination"), (21408, "MessageNotAllowed")] {
        connection.twilio().refuse(&connection.customer, code);
        let id = connection.agent(&FromAgent::Text("No")).await;
        assert_eq!(reason, connection.failure_of(&id).await, "{code}");
    }
    assert_eq!(3, connection.twilio().attempts());
    connection.twilio().accept(&connection.customer);
    connection.agent(&FromAgent::Text("Yes")).await;
    connection.twilio().wait_for_text("Yes").await;
}

#[tokio::test]
async fn stop_is_passed_on_and_ends_what_may_be_sent() {
    let connection = connection().await;
    connection.customer_writes("STOP").await;
    connection.wait_for_customers(1).await;
    assert_eq!(vec!["STOP"], connection.written());
    let id = connection.agent(&FromAgent::Text("Still there?")).await;
    assert_eq!("RecipientOptedOut", connection.failure_of(&id).await);
}

#[tokio::test]
async fn wrong_credentials_are_waited_for() {
    let connection = connection().await;
    connection.twilio().keys().change_to(&["another:key"]);
    connection.agent(&FromAgent::Text("Later")).await;
    log_with(connection.integration.name.as_str(), &[("retry", "reason")]).await;
    connection.twilio().keys().change_to(&[&format!("{API_KEY}:{API_KEY_SECRET}")]);
    connection.twilio().wait_for_text("Later").await;
}

#[tokio::test]
async fn a_number_answers_the_last_question_only() {
    let connection = connection().await;
    let choice = FromAgent::Choice { text: "Well?", options: &["Yes", "No"] };
    let asked = connection.agent(&choice).await;
    let shown = connection.wait_for_shown(1).await;
    assert_eq!("Well?\n\n1. Yes\n2. No", shown[0].text);
    connection.customer_writes("no").await;
    let chosen = |count| move |platform: &super::platform::Platform| platform.choices().unwrap().len() >= count;
    connection.platform.wait_until("the choice", chosen(1)).await;
    let choice = connection.platform.choices().unwrap().remove(0);
    assert_eq!(
        (json!("payload of No"), json!(asked)),
        (choice["buttonResponse"]["payload"].clone(), choice["originatingMessageId"].clone())
    );
    // A later message asks something else.
    connection.agent(&FromAgent::Text("How many?")).await;
    connection.wait_for_shown(2).await;
    connection.customer_writes("2").await;
    connection.wait_for_customers(1).await;
    assert_eq!((vec!["2".to_owned()], 1), (connection.written(), connection.platform.choices().unwrap().len()));
}

#[tokio::test]
async fn webhooks_are_accepted_with_both_tokens_while_one_is_rotated() {
    let old = "0123456789abcdef0123456789abcdef";
    let connection = configured(|channel| channel["authTokens"] = json!([channel["authTokens"][0], old])).await;
    let twilio = connection.twilio();
    let webhook = |text: &str| twilio.inbound(&connection.address(), &Inbound::text(&connection.customer, text));
    twilio.post(&webhook("new")).await.assert_received();
    twilio.post(&webhook("old").signed_with(old)).await.assert_received();
    connection.wait_for_customers(2).await;
    assert_eq!(vec!["new", "old"], connection.written());
}

#[tokio::test]
async fn a_file_is_handed_out_by_its_link_only() {
    let connection = connection().await;
    connection.twilio().delay_files(1);
    connection.customer_sends(b"a picture", "look").await;
    let files = connection.wait_for_customers(1).await.remove(0).1;
    let (status, media_type, content) = connection.fetch(&files[0]).await;
    assert_eq!((200, "image/png", &b"a picture"[..]), (status, media_type.as_str(), content.as_slice()));
    let (link, token) = files[0].rsplit_once('/').unwrap();
    assert!(!files[0].contains("/ME"), "the link does not name the file");
    let changed: String = token.chars().rev().collect();
    for bad in [&changed, "x", &token[1..]] {
        assert_eq!(404, connection.fetch(&format!("{link}/{bad}")).await.0, "{bad}");
    }
}

#[tokio::test]
async fn a_files_headers_are_answered_without_a_download_and_keep_it_from_running_as_a_page() {
    let connection = connection().await;
    let (page, twilio) = (&b"<script>alert(1)</script>"[..], connection.twilio());
    let inbound = Inbound::text(&connection.customer, "look").with_file("text/html", page);
    twilio.post(&twilio.inbound(&connection.address(), &inbound)).await.assert_received();
    let file = connection.wait_for_customers(1).await.remove(0).1.remove(0);
    for (method, downloads) in [(Method::HEAD, 0), (Method::GET, 1)] {
        let response = connection.stack.http.request(method, &file).send().await.unwrap();
        assert_eq!((200, downloads), (response.status().as_u16(), twilio.downloads()));
        for (name, value) in [
            ("content-type", "text/html"),
            ("content-disposition", "attachment"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
        ] {
            assert_eq!(value, response.headers()[name], "{name}");
        }
        assert_eq!(if downloads == 0 { &b""[..] } else { page }, response.bytes().await.unwrap());
    }
    let forged = format!("{}/files/x", connection.address());
    assert_eq!(404, connection.stack.http.head(forged).send().await.unwrap().status().as_u16());
}

#[tokio::test]
async fn a_file_that_is_too_large_for_an_answer_is_said_to_be() {
    static LARGE: [u8; 4_500_000] = [1; 4_500_000];
    let connection = connection().await;
    connection.customer_sends(&LARGE, "large").await;
    let files = connection.wait_for_customers(1).await.remove(0).1;
    let (status, _, content) = connection.fetch(&files[0]).await;
    let problem: Value = serde_json::from_slice(&content).unwrap();
    assert_eq!((413, json!("urn:patchbay:problem:file-too-large")), (status, problem["type"].clone()));
}

#[tokio::test]
async fn pictures_are_sent_as_such_where_mms_is_on() {
    let connection = configured(|channel| channel["mms"] = true.into()).await;
    let url = "https://example.com/media/map.png";
    connection.agent(&FromAgent::Picture { text: "The way:", url }).await;
    let message = connection.twilio().wait_for(1).await.remove(0);
    assert_eq!(("The way:", vec![url.to_owned()]), (message.body.as_str(), message.media_urls));
    // Elsewhere there is no MMS.
    let Connection { stack, integration, .. } = &connection;
    let picture = FromAgent::Picture { text: "The way:", url };
    connection.platform.write(stack, integration, "+491701234567", &picture).await;
    let message = connection.twilio().wait_for(2).await.remove(1);
    assert!(message.media_urls.is_empty() && message.body.contains(url), "{message:?}");
}

#[tokio::test]
async fn on_whatsapp_customers_are_known_by_their_numbers_and_reached_with_the_prefix() {
    let connection = configured(|channel| channel["from"] = format!("whatsapp:{NUMBER}").into()).await;
    let address = format!("whatsapp:{}", connection.customer);
    let inbound = Inbound::text(&address, "Hi").with("ProfileName", "Ada");
    let webhook = connection.twilio().inbound(&connection.address(), &inbound);
    connection.twilio().post(&webhook).await.assert_received();
    connection.wait_for_customers(1).await;
    let call = connection.genesys_cloud().calls_of("inbound-message").remove(0);
    let from = &call.body["channel"]["from"];
    assert_eq!((json!(connection.customer), json!("Ada")), (from["id"].clone(), from["nickname"].clone()));
    let id = connection.agent(&FromAgent::Text("Hello")).await;
    let message = connection.twilio().wait_for(1).await.remove(0);
    assert_eq!(address, message.to);
    for status in [Status::DELIVERED, Status::READ] {
        connection.twilio().report(&message, status).await;
    }
    connection.wait_for_receipt(&id, "Delivered").await;
    // Outside of the 24 hours only a template may be sent.
    connection.twilio().end_session(&address);
    let late = connection.agent(&FromAgent::Text("Are you there?")).await;
    assert_eq!("MessageNotAllowed", connection.failure_of(&late).await);
}

#[tokio::test]
async fn on_whatsapp_a_picture_has_the_text_and_a_video_follows_it() {
    let connection = configured(|channel| channel["from"] = format!("whatsapp:{NUMBER}").into()).await;
    let (picture, video) = ("https://example.com/media/map.png", "https://example.com/media/tour.mp4");
    connection.agent(&FromAgent::Picture { text: "The way:", url: picture }).await;
    connection.agent(&FromAgent::Video { text: "The house:", url: video }).await;
    let messages = connection.twilio().wait_for(3).await.into_iter();
    let messages: Vec<_> = messages.map(|message| (message.body, message.media_urls)).collect();
    let expected = [("The way:", vec![picture]), ("The house:", vec![]), ("", vec![video])];
    let owned = |urls: Vec<&str>| urls.into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(expected.map(|(text, urls)| (text.to_owned(), owned(urls))).to_vec(), messages);
}

#[tokio::test]
async fn a_template_of_the_platform_is_sent_as_the_configured_content_template() {
    let sid = "HX0123456789abcdef0123456789abcdef";
    let connection = configured(|channel| {
        channel["templates"] = json!({"order-shipped": sid});
        let members = channel.as_object_mut().unwrap();
        members.remove("from");
        members.insert("messagingServiceSid".to_owned(), MESSAGING_SERVICE.into());
    })
    .await;
    let template = |id: &str| json!({"id": id, "language": "en", "body": {"text": "On {{day}}.", "parameters": [{"name": "day", "text": "Friday"}]}});
    let write = async |id: &str| {
        let mut body = WIRE[0].fill(&connection.integration.integration_id, &connection.customer).json();
        body["type"] = "Structured".into();
        body["content"] = json!([{"contentType": "Notification", "template": template(id)}]);
        body.as_object_mut().unwrap().remove("text");
        Webhook::new(body.to_string()).accepted(&connection.stack, &connection.integration).await;
    };
    write("order-shipped").await;
    let message = connection.twilio().wait_for(1).await.remove(0);
    let sent = message.template.expect("a template");
    assert_eq!((sid, Some("Friday")), (sent.sid.as_str(), sent.variables.get("1").map(String::as_str)));
    assert_eq!(Some(MESSAGING_SERVICE), message.messaging_service_sid.as_deref());
    write("another").await;
    assert_eq!("On Friday.", connection.twilio().wait_for(2).await.remove(1).body);
}

#[tokio::test]
async fn what_is_not_for_customers_is_dropped_and_not_listed_as_waiting() {
    let connection = connection().await;
    let receipt = WIRE.iter().find(|sample| sample.name == "receipt").unwrap();
    let receipt = receipt.fill(&connection.integration.integration_id, &connection.customer);
    receipt.accepted(&connection.stack, &connection.integration).await;
    connection.agent(&FromAgent::Text("Visible")).await;
    connection.twilio().wait_for_text("Visible").await;
    assert_eq!(1, connection.twilio().attempts());
    let name = connection.integration.name.as_str();
    log_with(name, &[("\"outcome\":\"delivered\"", ""), ("\"outcome\":\"dropped\"", "")]).await;
    let waiting = ["--json", "messages", "list", "--status", "waiting", "--integration", name];
    assert_eq!(json!([]), Command::new(&waiting).run().await.succeeded().json()["messages"]);
}
