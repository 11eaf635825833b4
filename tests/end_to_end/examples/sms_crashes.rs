//! The messaging service is killed at the worst moments.

use super::fixture::{Fixture, Language};
use serde_json::json;

#[tokio::test]
async fn a_message_that_was_not_sent_when_the_service_crashed_is_sent_after_it() {
    for language in Language::ALL {
        let mut fixture = Fixture::start(language).await;
        // The gateway is down.
        fixture.gateway.fail([503]);
        fixture.agent_writes("Your parcel is here.").await;
        fixture.gateway.wait_for_requests(1).await;
        fixture.service.kill().await;
        assert_eq!(Vec::<String>::new(), fixture.texts(0).await, "{language:?}");
        fixture.restart().await;
        assert_eq!(["Your parcel is here."], fixture.texts(1).await.as_slice(), "{language:?}");
    }
}

#[tokio::test]
async fn a_message_that_was_sent_when_the_service_crashed_is_sent_once() {
    for language in Language::ALL {
        let mut fixture = Fixture::start(language).await;
        fixture.gateway.set_answering(false);
        fixture.agent_writes("Your parcel is here.").await;
        fixture.gateway.wait_for(1).await;
        fixture.service.kill().await;
        fixture.gateway.set_answering(true);
        fixture.restart().await;
        // Patchbay repeats the delivery. The gateway recognises the repeat by its reference.
        let requests = fixture.gateway.wait_for_requests(2).await;
        assert_eq!(requests[0], requests[1], "{language:?}");
        fixture.agent_writes("Goodbye.").await;
        assert_eq!(["Your parcel is here.", "Goodbye."], fixture.texts(2).await.as_slice(), "{language:?}");
    }
}

#[tokio::test]
async fn a_reply_and_a_choice_that_patchbay_does_not_take_reach_the_platform_once_when_the_gateway_repeats_them() {
    for language in Language::ALL {
        let mut fixture = Fixture::start(language).await;
        fixture.offer(["Yes", "No"]).await;
        fixture.service.kill().await;
        // Patchbay is unreachable.
        fixture.service.start("http://127.0.0.1:9").await;
        let replies =
            [("1", "2"), ("2", "Where is my parcel?")].map(|(id, words)| (id.to_owned() + "-of-the-gateway", words));
        for (id, words) in &replies {
            assert_eq!(503, fixture.status_of_reply(id, words).await, "{language:?}: {words}");
        }
        fixture.service.kill().await;
        fixture.restart().await;
        for (id, words) in replies.iter().chain(&replies) {
            fixture.reply_with(id, words).await;
        }
        // The choice was made at first: a number is a text again.
        fixture.reply("2").await;
        assert_eq!([json!("Where is my parcel?"), json!("2")], *fixture.platform_texts(2).await, "{language:?}");
        let choices = fixture.platform.calls_of("structured-response");
        let choices: Vec<_> = choices.iter().map(|call| &call.body["buttonResponse"]["payload"]).collect();
        assert_eq!([&json!("answered-no")], *choices, "{language:?}");
    }
}

#[tokio::test]
async fn a_receipt_that_patchbay_does_not_take_reaches_the_platform_when_the_gateway_repeats_the_status() {
    for language in Language::ALL {
        let mut fixture = Fixture::start(language).await;
        let webhook = fixture.agent_writes("Your parcel is here.").await;
        let reference = fixture.gateway.wait_for(1).await.remove(0).reference;
        fixture.service.kill().await;
        fixture.service.start("http://127.0.0.1:9").await;
        assert_eq!(503, fixture.status_of_report(&reference, "delivered", None).await, "{language:?}");
        fixture.service.kill().await;
        fixture.restart().await;
        fixture.report(&reference, "delivered", None).await;
        let receipt = fixture.platform.wait_for_calls_of("receipt", 1).await.remove(0).body;
        let expected = json!([webhook.id(), "Delivered"]);
        assert_eq!(expected, json!([receipt["id"], receipt["status"]]), "{language:?}");
    }
}
