//! Twilio's client, and the validator of its webhooks.

use crate::client::Client;
use serde_json::{Value, json};
use tests::simulators::twilio::{
    ACCOUNT_SID, API_KEY, API_KEY_SECRET, AUTH_TOKEN, Inbound, MESSAGING_SERVICE, NUMBER, NUMBER_SID, Status, Twilio,
    Webhook,
};

const CUSTOMER: &str = "+15005550010";
const ON_WHATSAPP: &str = "whatsapp:+15005550010";
const BASE: &str = "https://patchbay.example.com/integrations/acme/channel";

fn client(twilio: &Twilio, user: &str, password: &str) -> Client {
    Client::in_python("channels", "twilio_client.py", &[&twilio.url, user, password, ACCOUNT_SID])
}

async fn send(client: &mut Client, arguments: Value) -> Value {
    client.call(&json!({"resource": "messages", "method": "create", "arguments": arguments})).await
}

/// Whether the validator takes the webhook for one at `url`.
async fn is_valid(client: &mut Client, url: &str, webhook: &Webhook, token: &str) -> bool {
    let Webhook { body, content_type, signature, .. } = webhook;
    let call = json!({"url": url, "body": body, "content_type": content_type, "signature": signature, "token": token});
    client.call(&call).await.as_bool().unwrap()
}

#[tokio::test]
async fn what_the_client_sends_is_accepted_and_recorded() {
    let twilio = Twilio::start();
    let mut client = client(&twilio, API_KEY, API_KEY_SECRET);
    let status_callback = format!("{BASE}/status/1#rc=3&rp=all");
    let text = json!({"to": CUSTOMER, "from_": NUMBER, "body": "Héllo 👋", "status_callback": status_callback});
    let sent = send(&mut client, text).await;
    assert_eq!((&json!("queued"), &json!("Héllo 👋")), (&sent["status"], &sent["body"]));
    let media = json!(["https://example.com/a.png", "https://example.com/b.png"]);
    send(&mut client, json!({"to": CUSTOMER, "messaging_service_sid": MESSAGING_SERVICE, "media_url": media})).await;
    let template = json!({
        "to": ON_WHATSAPP, "from_": format!("whatsapp:{NUMBER}"), "validity_period": 300,
        "content_sid": "HX00000000000000000000000000000000", "content_variables": "{\"1\":\"Monday\"}",
    });
    send(&mut client, template).await;

    let messages = twilio.messages();
    assert_eq!((sent["sid"].as_str(), 3), (Some(&*messages[0].sid), messages.len()));
    assert_eq!((Some(status_callback), 2), (messages[0].status_callback.clone(), messages[1].media_urls.len()));
    let template = messages[2].template.as_ref().unwrap();
    assert_eq!(("Monday", Some(300)), (&*template.variables["1"], messages[2].validity_period));

    let fetched = json!({"resource": "messages", "sid": messages[0].sid, "method": "fetch", "arguments": {}});
    assert_eq!(sent["sid"], client.call(&fetched).await["sid"]);
}

#[tokio::test]
async fn the_client_reads_a_refusals_code() {
    let twilio = Twilio::start();
    let mut client = client(&twilio, API_KEY, API_KEY_SECRET);
    twilio.refuse(CUSTOMER, 21_610);
    let text = |to: &str| json!({"to": to, "from_": NUMBER, "body": "hello"});
    assert_eq!(json!({"refused": 21_610, "status": 400}), send(&mut client, text(CUSTOMER)).await);
    assert_eq!(json!({"refused": 21_211, "status": 400}), send(&mut client, text("customer")).await);
    twilio.keys().change_to(&[]);
    assert_eq!(json!({"refused": 20_003, "status": 401}), send(&mut client, text(CUSTOMER)).await);
}

#[tokio::test]
async fn the_client_sets_up_numbers_and_services() {
    let twilio = Twilio::start();
    let mut client = client(&twilio, ACCOUNT_SID, AUTH_TOKEN);
    let webhook = format!("{BASE}#rc=3&rp=all");
    let list = json!({"phone_number": NUMBER});
    let list = json!({"resource": "incoming_phone_numbers", "method": "list", "arguments": list});
    assert_eq!(json!(NUMBER_SID), client.call(&list).await[0]["sid"]);
    let settings = json!({
        "sms_url": webhook, "sms_method": "POST", "sms_fallback_url": webhook, "sms_fallback_method": "POST",
    });
    let update = json!({
        "resource": "incoming_phone_numbers", "sid": NUMBER_SID, "method": "update", "arguments": settings,
    });
    assert_eq!(json!(webhook), client.call(&update).await["sms_fallback_url"]);
    assert_eq!(webhook, twilio.number_settings()["SmsUrl"]);

    let settings = json!({"inbound_request_url": webhook, "use_inbound_webhook_on_number": false});
    let update = json!({
        "resource": "messaging.v1.services", "sid": MESSAGING_SERVICE, "method": "update", "arguments": settings,
    });
    let service = client.call(&update).await;
    assert_eq!(
        (&json!(webhook), &json!(false)),
        (&service["inbound_request_url"], &service["use_inbound_webhook_on_number"])
    );
    let account = json!({"resource": "api.v2010.accounts", "sid": ACCOUNT_SID, "method": "fetch", "arguments": {}});
    assert_eq!("active", client.call(&account).await["status"]);
}

#[tokio::test]
async fn the_client_reads_and_deletes_a_customers_file() {
    let twilio = Twilio::start();
    let mut client = client(&twilio, ACCOUNT_SID, AUTH_TOKEN);
    let inbound = Inbound::text(CUSTOMER, "").with_file("image/png", "content");
    let _ = twilio.inbound(BASE, &inbound);
    let file = &inbound.files[0];
    let media = |method: &str| json!({"resource": "messages", "sid": inbound.sid, "inner": ["media", file.sid], "method": method, "arguments": {}});
    assert_eq!("image/png", client.call(&media("fetch")).await["content_type"]);
    client.call(&media("delete")).await;
    assert!(!twilio.keeps(file));
}

#[tokio::test]
async fn the_validator_accepts_every_kind_of_webhook() {
    let twilio = Twilio::start();
    let mut client = client(&twilio, API_KEY, API_KEY_SECRET);
    let mut webhooks = vec![];
    for url in [
        BASE.to_owned(),
        format!("{BASE}/"),
        format!("{BASE}/status?m=a%20b%2Bc&n="),
        format!("{BASE}#rc=3&rp=all"),
        BASE.replace(".com/", ".com:8443/"),
        BASE.replace(".com/", ".com:443/"),
    ] {
        let text = Inbound::text(CUSTOMER, " Héllo 👋 1+1=2 & more ");
        webhooks.push((url.clone(), twilio.inbound(&url, &text)));
    }
    for inbound in [
        Inbound::text(CUSTOMER, "").with_file("image/png", "a").with_file("text/vcard", "b"),
        Inbound::button(ON_WHATSAPP, "Yes", "k7Qm2", "MM55555555555555555555555555555555"),
        Inbound::location(ON_WHATSAPP, ("52.5", "13.4"), "Gate", "1 Example Street"),
        Inbound::text(CUSTOMER, "STOP").with("OptOutType", "STOP").through(MESSAGING_SERVICE),
    ] {
        webhooks.push((BASE.to_owned(), twilio.inbound(BASE, &inbound)));
    }
    twilio.accept(CUSTOMER);
    let status_callback = format!("{BASE}/status/1");
    let text = json!({"to": CUSTOMER, "from_": NUMBER, "body": "hello", "status_callback": status_callback});
    send(&mut client, text).await;
    for status in [Status::SENT, Status::DELIVERED, Status::READ, Status::undelivered(30_003), Status::failed(30_007)] {
        webhooks.push((status_callback.clone(), twilio.status(&twilio.messages()[0], status)));
    }
    let repeated =
        [("Sid", "CA123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234"), ("b", "2"), ("B", "1")];
    webhooks.push((BASE.to_owned(), Webhook::form(BASE, repeated, AUTH_TOKEN)));
    let json = Webhook::json(&format!("{BASE}?a=b"), &json!({"a": "é", "b": [1, 2]}), AUTH_TOKEN);
    webhooks.push((json.url.clone(), json));

    for (url, webhook) in webhooks {
        // Neither sent nor signed.
        let url = url.split('#').next().unwrap();
        assert!(is_valid(&mut client, url, &webhook, AUTH_TOKEN).await, "{webhook:#?}");
        assert!(!is_valid(&mut client, url, &webhook, "another").await, "{webhook:#?}");
        assert!(!is_valid(&mut client, &url.replace("acme", "other"), &webhook, AUTH_TOKEN).await, "{webhook:#?}");
        assert!(!is_valid(&mut client, url, &webhook.forged(), AUTH_TOKEN).await);
    }
}
