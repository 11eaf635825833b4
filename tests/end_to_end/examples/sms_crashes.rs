//! The messaging service is killed at the worst moments.

use super::fixture::{Fixture, Language};
use serde_json::json;

#[tokio::test]
async fn a_message_that_was_taken_is_sent_after_a_crash() {
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
        // It cannot know, and asks again: under the reference by which the gateway recognises the repeat.
        let requests = fixture.gateway.wait_for_requests(2).await;
        assert_eq!(requests[0], requests[1], "{language:?}");
        fixture.agent_writes("Goodbye.").await;
        assert_eq!(["Your parcel is here.", "Goodbye."], fixture.texts(2).await.as_slice(), "{language:?}");
    }
}

#[tokio::test]
async fn a_reply_that_was_taken_reaches_the_platform_after_a_crash() {
    for language in Language::ALL {
        let mut fixture = Fixture::start(language).await;
        fixture.service.kill().await;
        // Patchbay is unreachable.
        fixture.service.start("http://127.0.0.1:9").await;
        fixture.reply("Where is my parcel?").await;
        fixture.service.kill().await;
        fixture.restart().await;
        assert_eq!([json!("Where is my parcel?")], *fixture.platform_texts(1).await, "{language:?}");
    }
}
