//! From the customer to the agent: messages, choices and STOP.

use super::fixture::{CUSTOMER, Fixture, Language, delivery, quick_replies};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::harness::stack::SIGNING_SECRET;
use tests::simulators::genesys_cloud::api::Fault;
use tests::simulators::genesys_cloud::{Webhook, text};
use tests::spec::content_types::Example;
use uuid::Uuid;

#[tokio::test]
async fn a_customers_reply_reaches_the_platform_once_though_the_gateway_repeats_it() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let id = Uuid::new_v4().to_string();
        for _ in 0..2 {
            fixture.reply_with(&id, "Where is my parcel? 📦").await;
        }
        fixture.reply("Hello?").await;
        assert_eq!(
            [json!("Where is my parcel? 📦"), json!("Hello?")],
            *fixture.platform_texts(2).await,
            "{language:?}"
        );
        let from = &fixture.platform.calls_of("inbound-message")[0].body["channel"]["from"];
        assert_eq!((&json!(CUSTOMER), &json!("Phone")), (&from["id"], &from["idType"]), "{language:?}");
    }
}

#[tokio::test]
async fn a_request_that_the_gateway_has_not_signed_is_refused() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let form = [("id", "1"), ("from", CUSTOMER), ("text", "forged"), ("time", "2026-01-02T03:04:05Z")];
        let status = [("reference", "msg_1/0"), ("status", "delivered")];
        for (path, form) in [("replies", &form[..]), ("statuses", &status)] {
            let url = format!("{}/{path}", fixture.service.url);
            assert_eq!(401, fixture.gateway.post(&url, form, "another secret").await.unwrap(), "{language:?}: {path}");
        }
        fixture.reply("genuine").await;
        assert_eq!([json!("genuine")], *fixture.platform_texts(1).await, "{language:?}");
    }
}

/// The number of the option that the guide's answer chooses.
fn number_of(example: &Example, answer: &Value) -> String {
    let chosen = answer["text"].as_str().unwrap();
    // The last one: two cards may have buttons with the same text.
    let lines = example.fallback_text.lines().rev();
    let numbers = lines.filter_map(|line| line.split_once(". ")).filter(|(_, text)| *text == chosen);
    numbers.map(|(number, _)| number.to_owned()).next().unwrap_or_else(|| panic!("{}", example.heading))
}

#[tokio::test]
async fn the_number_of_an_option_is_the_answer_that_the_guide_shows_for_every_type_of_content() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let mut answered = 0;
        for example in Example::all() {
            let Some(answer) = &example.answer else { continue };
            let mut webhook = text(&fixture.integration, CUSTOMER, "").json();
            webhook["type"] = "Structured".into();
            webhook["text"] = example.members["text"].clone();
            webhook["content"] = example.members["content"].clone();
            Webhook::new(webhook.to_string()).accepted(&fixture.stack, &fixture.integration).await;
            fixture.platform.know_message(webhook["id"].as_str().unwrap());
            assert_eq!(Some(&example.fallback_text), fixture.texts(answered + 1).await.last());

            fixture.reply(&format!(" {}. ", number_of(&example, answer))).await;
            answered += 1;
            let responses = fixture.platform.wait_for_calls_of("structured-response", answered).await;
            let response = &responses.last().unwrap().body;
            assert_eq!(answer, &response["buttonResponse"], "{language:?}: {}", example.heading);
            assert_eq!(webhook["id"], response["originatingMessageId"], "{language:?}: {}", example.heading);
        }
        assert!(answered >= 7, "{answered}");
    }
}

#[tokio::test]
async fn the_text_of_an_option_is_a_choice_and_what_is_no_option_is_a_message() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        fixture.offer(["Yes", "No"]).await;
        fixture.reply("3").await;
        fixture.reply("no").await;
        let response = fixture.platform.wait_for_calls_of("structured-response", 1).await.remove(0).body;
        assert_eq!("answered-no", response["buttonResponse"]["payload"], "{language:?}");
        // The choice is made: a number is a text again.
        fixture.reply("1").await;
        assert_eq!([json!("3"), json!("1")], *fixture.platform_texts(2).await, "{language:?}");
    }
}

#[tokio::test]
async fn what_a_customer_writes_while_the_platform_is_unavailable_arrives_in_order_and_once() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        fixture.platform.fail_operation("inbound-message", [Fault::Status(503); 1_000]);
        let ids = ["first", "second", "third"];
        // The gateway does not wait for the platform, and repeats one reply all the same.
        for id in ids.iter().chain(&["first"]) {
            fixture.reply_with(id, id).await;
        }
        assert_eq!(Vec::<Value>::new(), fixture.platform_texts(0).await, "{language:?}");
        fixture.platform.recover_operation("inbound-message");
        assert_eq!(ids.map(Value::from), *fixture.platform_texts(3).await, "{language:?}");
        fixture.reply("last").await;
        assert_eq!(json!("last"), fixture.platform_texts(4).await[3], "{language:?}");
    }
}

#[tokio::test]
async fn a_choice_that_the_platform_refuses_becomes_a_message_with_the_time_of_the_choice() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        fixture.forgotten_offer(["Yes", "No"]).await;
        let time = Timestamp::now() - SignedDuration::from_mins(1);
        assert_eq!(200, fixture.reply_of(&time.to_string(), "1").await, "{language:?}");
        let message = fixture.platform.wait_for_calls_of("inbound-message", 1).await.remove(0).body;
        assert_eq!(json!("Yes"), message["text"], "{language:?}");
        let posted: Timestamp = message["channel"]["time"].as_str().unwrap().parse().unwrap();
        assert!(posted.duration_since(time).abs() < SignedDuration::from_secs(1), "{language:?}: {time} {posted}");
        fixture.service.logs(&["inbound/responses", "platform-refused"]).await;
    }
}

#[tokio::test]
async fn a_failure_that_is_delivered_again_is_posted_once_and_only_a_choice_that_the_platform_refused() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let mut choice = json!({
            "messageId": "reply-1", "from": {"id": CUSTOMER, "idType": "Phone"}, "time": Timestamp::now(), "type": "Button",
            "originatingMessageId": "card-1", "text": "Yes", "payload": "answered-yes",
        });
        let failure = async |original: &Value, route: &str, reason: &str, detail: &str| {
            let data = json!({
                "messageId": original["messageId"], "intent": "sent", "direction": "Inbound", "from": original["from"],
                "route": route, "reason": reason, "detail": detail, "original": original,
            });
            let request = delivery("inbound.failed", &data).signed_by(SIGNING_SECRET, "msg_1", Timestamp::now());
            assert_eq!(200, fixture.deliver(&request).await, "{language:?}: {reason}");
        };
        for _ in 0..2 {
            failure(&choice, "inbound/responses", "platform-refused", "The platform refused it.").await;
        }
        choice["messageId"] = "reply-2".into();
        choice["text"] = "Not this".into();
        failure(&choice, "inbound/responses", "expired", "No answer in time.").await;
        failure(&choice, "inbound/messages", "platform-refused", "The platform refused it.").await;
        for words in [
            ["reply-2", "inbound/responses", "expired: No answer in time."],
            ["reply-2", "inbound/messages", "refused"],
        ] {
            fixture.service.logs(&words).await;
        }
        fixture.reply("Hello?").await;
        assert_eq!([json!("Yes"), json!("Hello?")], *fixture.platform_texts(2).await, "{language:?}");
    }
}

#[tokio::test]
async fn a_choice_is_a_message_where_the_platform_takes_no_choices() {
    for language in Language::ALL {
        let fixture = Fixture::on_multicloud_cx(language).await;
        let data = json!({
            "intent": "send", "messageId": "m-1", "to": {"id": CUSTOMER}, "fallbackText": "May we call?\n\n1. Yes\n2. No",
            "content": quick_replies(["Yes", "No"]),
        });
        let request = delivery("message.structured", &data).signed_by(SIGNING_SECRET, "msg_1", Timestamp::now());
        assert_eq!(200, fixture.deliver(&request).await, "{language:?}");
        for words in ["2", "In the evening."] {
            fixture.reply(words).await;
        }
        fixture.platform.wait_for_calls(2).await;
        let texts: Vec<_> = fixture.platform.messages().iter().map(|message| message["text"].clone()).collect();
        assert_eq!([json!("No"), json!("In the evening.")], *texts, "{language:?}");
    }
}

#[tokio::test]
async fn what_patchbay_refuses_at_once_is_logged_with_the_reason() {
    for language in Language::ALL {
        let mut fixture = Fixture::start(language).await;
        let now = Timestamp::now().to_string();
        // Neither the gateway nor anything else can make it valid.
        assert_eq!(422, fixture.reply_of(&now, "").await, "{language:?}");
        fixture.service.logs(&["/replies", "400", "urn:patchbay:problem:invalid-body", "attachment"]).await;
        fixture.service.kill().await;
        fixture.service.set_bearer_token("a token that Patchbay does not know");
        fixture.restart().await;
        // An operator can correct it in time.
        assert_eq!(503, fixture.reply_of(&now, "Hello?").await, "{language:?}");
        fixture.service.logs(&["/replies", "401", "urn:patchbay:problem:unauthenticated"]).await;
    }
}

#[tokio::test]
async fn a_reply_that_the_platform_may_have_is_not_repeated_and_does_not_delay_the_next_one() {
    for language in Language::ALL {
        let fixture = Fixture::on_multicloud_cx(language).await;
        fixture.platform.fail([Fault::ResponseLost]);
        fixture.reply("Where is my parcel?").await;
        fixture.reply("Hello?").await;
        fixture.service.logs(&["inbound/messages", "outcome-unknown"]).await;
        fixture.platform.wait_for_calls(2).await;
        let texts: Vec<_> = fixture.platform.messages().iter().map(|message| message["text"].clone()).collect();
        assert_eq!([json!("Where is my parcel?"), json!("Hello?")], *texts, "{language:?}");
        assert_eq!(2, fixture.platform.attempts(), "{language:?}");
    }
}

#[tokio::test]
async fn after_stop_nothing_is_sent_and_the_agent_sees_why_until_start() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let stop = Uuid::new_v4().to_string();
        fixture.reply_with(&stop, " Stop\n").await;
        fixture.agent_writes("Are you there?").await;
        let receipt = fixture.platform.wait_for_calls_of("receipt", 1).await.remove(0).body;
        let reasons = json!([{"code": "RecipientOptedOut", "message": "The customer has answered STOP."}]);
        assert_eq!((&json!("Failed"), &reasons), (&receipt["status"], &receipt["reasons"]), "{language:?}");

        fixture.reply("START").await;
        fixture.reply_with(&stop, " Stop\n").await; // repeated by the gateway
        fixture.agent_writes("Welcome back.").await;
        assert_eq!(["Welcome back."], fixture.texts(1).await.as_slice(), "{language:?}");
        assert_eq!([json!(" Stop\n"), json!("START")], *fixture.platform_texts(2).await, "{language:?}");
    }
}

#[tokio::test]
async fn a_reply_that_the_platform_refuses_is_not_repeated_and_does_not_delay_the_next_one() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        fixture.platform.fail_operation("inbound-message", [Fault::Status(403), Fault::Status(404)]);
        for words in ["refused", "refused too", "Hello?"] {
            fixture.reply(words).await;
        }
        assert_eq!([json!("Hello?")], *fixture.platform_texts(1).await, "{language:?}");
    }
}

#[tokio::test]
async fn a_receipt_that_waits_does_not_delay_replies() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        fixture.platform.fail_operation("receipt", [Fault::Status(503); 1_000]);
        fixture.agent_writes("Your parcel is here.").await;
        let reference = fixture.gateway.wait_for(1).await.remove(0).reference;
        fixture.report(&reference, "delivered", None).await;
        fixture.reply("Thank you.").await;
        assert_eq!([json!("Thank you.")], *fixture.platform_texts(1).await, "{language:?}");
        fixture.platform.recover_operation("receipt");
        fixture.platform.wait_for_calls_of("receipt", 1).await;
    }
}

#[tokio::test]
async fn a_number_after_a_message_without_options_is_a_text() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        fixture.offer(["Yes", "No"]).await;
        fixture.agent_writes("How many parcels?").await;
        fixture.gateway.wait_for(2).await;
        fixture.reply("2").await;
        assert_eq!([json!("2")], *fixture.platform_texts(1).await, "{language:?}");
    }
}

#[tokio::test]
async fn a_number_is_a_choice_for_a_day() {
    for language in Language::ALL {
        let mut fixture = Fixture::start(language).await;
        for (count, hours) in [23, 24].into_iter().enumerate() {
            fixture.offer(["Yes", "No"]).await;
            let reference = fixture.gateway.sent().remove(count).reference;
            fixture.report(&reference, "delivered", None).await;
            fixture.service.kill().await;
            fixture.service.change(&format!("UPDATE customers SET offered_at = offered_at - {hours} * 3600")).await;
            fixture.restart().await;
            fixture.reply("2").await;
            fixture.platform.wait_for_calls_of("structured-response", 1).await;
        }
        assert_eq!([json!("2")], *fixture.platform_texts(1).await, "{language:?}");
    }
}

#[tokio::test]
async fn an_option_may_be_called_cancel_and_stop_is_never_a_choice() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        fixture.offer(["Keep it", "Cancel"]).await;
        fixture.reply("cancel").await;
        let response = fixture.platform.wait_for_calls_of("structured-response", 1).await.remove(0).body;
        assert_eq!("answered-cancel", response["buttonResponse"]["payload"], "{language:?}");
        fixture.agent_writes("It is cancelled.").await;
        assert_eq!("It is cancelled.", fixture.texts(2).await[1], "{language:?}");
        // The choice is made: the word opts out.
        fixture.reply("cancel").await;
        fixture.agent_writes("Are you there?").await;
        fixture.platform.wait_for_calls_of("receipt", 1).await;

        fixture.reply("START").await;
        fixture.offer(["Go on", "Stop"]).await;
        fixture.reply("stop").await;
        fixture.agent_writes("Are you there?").await;
        fixture.platform.wait_for_calls_of("receipt", 2).await;
        assert_eq!([json!("cancel"), json!("START"), json!("stop")], *fixture.platform_texts(3).await, "{language:?}");
        assert_eq!(3, fixture.gateway.sent().len(), "{language:?}");
    }
}

#[tokio::test]
async fn an_old_start_that_is_replayed_does_not_undo_a_stop() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        fixture.reply("STOP").await;
        let days_ago = |days: i64| (Timestamp::now() - SignedDuration::from_hours(24 * days)).to_string();
        assert_eq!(422, fixture.reply_of(&days_ago(35), "START").await, "{language:?}");
        fixture.agent_writes("Are you there?").await;
        let receipt = fixture.platform.wait_for_calls_of("receipt", 1).await.remove(0).body;
        assert_eq!("Failed", receipt["status"], "{language:?}");
        // The gateway has not reached the example for a month.
        assert_eq!(200, fixture.reply_of(&days_ago(33), "START").await, "{language:?}");
        fixture.agent_writes("Welcome back.").await;
        assert_eq!(["Welcome back."], fixture.texts(1).await.as_slice(), "{language:?}");
    }
}

#[tokio::test]
async fn a_reply_reaches_the_platform_whatever_time_it_has() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let times = [
            &Timestamp::now().to_string(),
            "9999-12-31T23:59:59Z",
            "2026-13-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "0001-01-01T00:00:00",
            "1767322000",
            "12",
            "now",
            "",
        ];
        for time in times {
            assert_eq!(200, fixture.reply_of(time, &format!("at {time}")).await, "{language:?}: {time}");
        }
        assert_eq!(times.map(|time| json!(format!("at {time}"))), *fixture.platform_texts(9).await, "{language:?}");
    }
}
