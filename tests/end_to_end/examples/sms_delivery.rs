//! From the agent to the customer, and the receipts.

use super::fixture::{CUSTOMER, Fixture, Language, OTHER_SIGNING_SECRET, delivery};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tests::harness::caller::{CALLER_SECRET, Request};
use tests::harness::stack::SIGNING_SECRET;
use tests::simulators::sms_gateway::Sms;

#[tokio::test]
async fn an_agents_message_is_sent_once_though_its_delivery_is_repeated() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let webhook = fixture.agent_writes("Your parcel is here.").await;
        let Sms { reference, to, text } = fixture.gateway.wait_for(1).await.remove(0);
        assert_eq!((CUSTOMER, "Your parcel is here."), (to.as_str(), text.as_str()));

        let id = reference.split('/').next().unwrap();
        let data = json!({"intent": "send", "messageId": webhook.id(), "to": {"id": CUSTOMER}, "fallbackText": text});
        let repeated = delivery("message.text", &data).signed_by(SIGNING_SECRET, id, Timestamp::now());
        assert_eq!(200, fixture.deliver(&repeated).await, "{language:?}");
        fixture.agent_writes("Goodbye.").await;
        assert_eq!(["Your parcel is here.", "Goodbye."], fixture.texts(2).await.as_slice(), "{language:?}");
    }
}

#[tokio::test]
async fn a_delivery_without_a_valid_signature_of_the_last_minutes_is_refused() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let data = json!({"intent": "send", "messageId": "m", "to": {"id": CUSTOMER}, "fallbackText": "forged"});
        let (now, old) = (Timestamp::now(), SignedDuration::from_mins(6));
        let good = delivery("message.text", &data).signed_by(SIGNING_SECRET, "msg_1", now);
        for (what, request) in [
            ("no signature", delivery("message.text", &data)),
            ("another secret", delivery("message.text", &data).signed_by(CALLER_SECRET, "msg_1", now)),
            ("an old one", delivery("message.text", &data).signed_by(SIGNING_SECRET, "msg_1", now - old)),
            ("one of the future", delivery("message.text", &data).signed_by(SIGNING_SECRET, "msg_1", now + old)),
            ("another id", good.clone().header("webhook-id", "msg_2")),
            ("another body", Request { body: good.body.replace("forged", "changed"), ..good.clone() }),
            ("no number as the time", good.clone().header("webhook-timestamp", "now")),
            ("no base64", good.clone().header("webhook-signature", "v1,ä")),
        ] {
            assert_eq!(401, fixture.deliver(&request).await, "{language:?}: {what}");
        }
        // While a secret is rotated, a delivery has a signature of each.
        let data = json!({"intent": "send", "messageId": "m", "to": {"id": CUSTOMER}, "fallbackText": "genuine"});
        let rotated = delivery("message.text", &data).signed_by(OTHER_SIGNING_SECRET, "msg_3", now);
        let both =
            format!("v1,AAAA {}", rotated.headers.iter().find(|(name, _)| name == "webhook-signature").unwrap().1);
        assert_eq!(200, fixture.deliver(&rotated.header("webhook-signature", &both)).await, "{language:?}");
        assert_eq!(["genuine"], fixture.texts(1).await.as_slice(), "{language:?}");
    }
}

#[tokio::test]
async fn what_is_not_for_sms_is_not_sent() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let text =
            |intent: &str| json!({"intent": intent, "messageId": "m", "to": {"id": CUSTOMER}, "fallbackText": "t"});
        let mut public = text("send");
        public["public"] = true.into();
        let mut without_number = text("send");
        without_number["to"] = json!({});
        let mut without_text = text("send");
        without_text.as_object_mut().unwrap().remove("fallbackText");
        for (status, data) in [
            (422, public),
            (422, without_number),
            (200, without_text),
            (200, text("sent")),
            (200, json!({"integration": "a test"})),
        ] {
            let request = delivery("message.text", &data).signed_by(SIGNING_SECRET, "msg_1", Timestamp::now());
            assert_eq!(status, fixture.deliver(&request).await, "{language:?}: {data}");
        }
        fixture.agent_writes("last").await;
        assert_eq!(["last"], fixture.texts(1).await.as_slice(), "{language:?}");
    }
}

#[tokio::test]
async fn the_final_status_of_an_sms_becomes_a_receipt_with_patchbays_reason() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let outcomes = [
            ("delivered", None, json!(["Delivered", null])),
            ("undelivered", Some(("203", "Spam")), json!(["Failed", [{"code": "DataFiltered", "message": "Spam"}]])),
            (
                "undelivered",
                Some(("999", "Moon")),
                json!(["Failed", [{"code": "GeneralError", "message": "Moon (999)"}]]),
            ),
        ];
        for (index, (status, error, expected)) in outcomes.into_iter().enumerate() {
            let webhook = fixture.agent_writes("Hello").await;
            let reference = fixture.gateway.wait_for(index + 1).await.remove(index).reference;
            fixture.report(&reference, "sent", None).await;
            fixture.report(&reference, status, error).await;
            let receipt = fixture.platform.wait_for_calls_of("receipt", index + 1).await.remove(index).body;
            assert_eq!(webhook.id(), receipt["id"], "{language:?}");
            assert_eq!(expected, json!([receipt["status"], receipt["reasons"]]), "{language:?}");
            // Repeated, late and foreign statuses change nothing: the next receipt is that of the next message.
            fixture.report(&reference, status, error).await;
            fixture.report(&reference, "expired", None).await;
            fixture.report("of another system", "delivered", None).await;
        }
        let receipts = fixture.platform.calls_of("receipt").len();
        assert_eq!(3, receipts, "{language:?}");
    }
}

#[tokio::test]
async fn a_message_that_the_gateway_refuses_fails_with_its_reason_and_the_next_one_is_sent() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        fixture.agent_writes_to("customer-17", "To no number").await;
        let receipt = fixture.platform.wait_for_calls_of("receipt", 1).await.remove(0).body;
        let reasons = json!([{"code": "InvalidDestination", "message": "Not a number."}]);
        assert_eq!((&json!("Failed"), &reasons), (&receipt["status"], &receipt["reasons"]), "{language:?}");
        fixture.agent_writes("Hello").await;
        assert_eq!(["Hello"], fixture.texts(1).await.as_slice(), "{language:?}");
    }
}

#[tokio::test]
async fn a_customers_messages_stay_in_order_while_the_gateway_fails() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        fixture.gateway.fail([503, 401]);
        for number in ["1", "2", "3"] {
            fixture.agent_writes(number).await;
        }
        assert_eq!(["1", "2", "3"], fixture.texts(3).await.as_slice(), "{language:?}");
    }
}

#[tokio::test]
async fn a_message_to_several_numbers_has_one_receipt() {
    for language in Language::ALL {
        let fixture = Fixture::start(language).await;
        let numbers = json!([CUSTOMER, "+4915187654321"]);
        for (index, outcomes) in [["delivered", "delivered"], ["delivered", "undelivered"]].into_iter().enumerate() {
            let to = json!({"id": CUSTOMER});
            let data = json!({
                "intent": "send", "messageId": format!("m-{index}"), "to": to, "recipients": numbers, "fallbackText": "t",
            });
            let request =
                delivery("message.text", &data).signed_by(SIGNING_SECRET, &format!("msg_{index}"), Timestamp::now());
            assert_eq!(200, fixture.deliver(&request).await, "{language:?}");
            fixture.gateway.wait_for(2 * index + 2).await;
            for (recipient, outcome) in outcomes.iter().enumerate() {
                fixture.report(&format!("msg_{index}/{recipient}"), outcome, None).await;
            }
            fixture.platform.wait_for_calls_of("receipt", index + 1).await;
        }
        let receipts = fixture.platform.calls_of("receipt").into_iter().map(|call| call.body);
        let receipts: Vec<_> = receipts.map(|body| json!([body["id"], body["status"]])).collect();
        assert_eq!([json!(["m-0", "Delivered"]), json!(["m-1", "Failed"])], receipts.as_slice(), "{language:?}");
    }
}
