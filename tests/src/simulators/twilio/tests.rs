//! Tests of the simulated Twilio over HTTP.

use super::*;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use url::form_urlencoded;

const CUSTOMER: &str = "+15005550010";
const ON_WHATSAPP: &str = "whatsapp:+15005550010";

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn try_send(twilio: &Twilio, form: &[(&str, &str)]) -> reqwest::Result<(u16, Value)> {
    let url = format!("{}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json", twilio.url);
    let response = http().post(url).basic_auth(API_KEY, Some(API_KEY_SECRET)).form(form).send().await?;
    let status = response.status().as_u16();
    Ok((status, serde_json::from_slice(&response.bytes().await?).unwrap()))
}

async fn send(twilio: &Twilio, form: &[(&str, &str)]) -> (u16, Value) {
    try_send(twilio, form).await.unwrap()
}

/// Sends a text, and returns the code of the error if there is one.
async fn send_text(twilio: &Twilio, to: &str, text: &str) -> (u16, Value) {
    let (status, body) = send(twilio, &[("To", to), ("From", NUMBER), ("Body", text)]).await;
    (status, body["code"].clone())
}

async fn get(twilio: &Twilio, path: &str) -> reqwest::Response {
    let url = format!("{}/2010-04-01/Accounts/{ACCOUNT_SID}{path}", twilio.url);
    http().get(url).basic_auth(ACCOUNT_SID, Some(AUTH_TOKEN)).send().await.unwrap()
}

async fn json_of(response: reqwest::Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn an_accepted_message_is_queued_and_recorded() {
    let twilio = Twilio::start();
    let callback = "https://example.com/status#rc=3";
    let form = [("To", CUSTOMER), ("From", NUMBER), ("Body", "Héllo"), ("StatusCallback", callback)];
    let (status, body) = send(&twilio, &form).await;
    assert_eq!((201, &json!("queued"), &json!(NUMBER)), (status, &body["status"], &body["from"]));
    let message = twilio.wait_for_text("Héllo").await;
    assert_eq!((body["sid"].as_str(), Some(callback)), (Some(&*message.sid), message.status_callback.as_deref()));
    let read = json_of(get(&twilio, &format!("/Messages/{}.json", message.sid)).await).await;
    assert_eq!("Héllo", read["body"]);
}

#[tokio::test]
async fn a_service_chooses_the_sender_and_lends_its_status_callback() {
    let twilio = Twilio::start();
    let url = format!("{}/v1/Services/{MESSAGING_SERVICE}", twilio.url);
    let settings = [("StatusCallback", "https://example.com/s"), ("UseInboundWebhookOnNumber", "true")];
    let response = http().post(&url).basic_auth(API_KEY, Some(API_KEY_SECRET)).form(&settings).send().await.unwrap();
    let service = json_of(response).await;
    assert_eq!(
        (&json!("https://example.com/s"), &json!(true)),
        (&service["status_callback"], &service["use_inbound_webhook_on_number"])
    );
    let _ = twilio.inbound("https://example.com/inbound", &Inbound::text(ON_WHATSAPP, "Hi"));
    let form = [("To", ON_WHATSAPP), ("MessagingServiceSid", MESSAGING_SERVICE), ("Body", "a")];
    let (_, body) = send(&twilio, &form).await;
    assert_eq!((&json!("accepted"), &Value::Null), (&body["status"], &body["from"]));
    let message = twilio.messages().remove(0);
    assert_eq!(
        (format!("whatsapp:{NUMBER}"), "https://example.com/s"),
        (message.from, &*message.status_callback.unwrap())
    );
}

#[tokio::test]
async fn what_the_vendor_refuses_is_refused_with_its_code() {
    let twilio = Twilio::start();
    let (longest, too_long) = ("👋".repeat(1_600), "x".repeat(1_601));
    assert_eq!(201, send_text(&twilio, CUSTOMER, &longest).await.0);
    let good = [("To", CUSTOMER), ("From", NUMBER), ("Body", "a")];
    for (name, value, code) in [
        ("To", "", 21_604),
        ("To", "15005550010", 21_211),
        ("To", ON_WHATSAPP, 21_910),
        ("From", "", 21_603),
        ("From", "+15005550007", 21_606),
        ("Body", "", 21_602),
        ("Body", &too_long, 21_617),
        ("MediaUrl", "parcel.png", 21_620),
        ("StatusCallback", "https://a_b.example.com/", 21_609),
        ("MessagingServiceSid", "MG11111111111111111111111111111111", 21_701),
        ("ContentSid", "HX1", 21_655),
        ("ContentVariables", "[]", 21_656),
        ("ValidityPeriod", "36001", 21_624),
    ] {
        let mut form: Vec<_> = good.into_iter().filter(|(other, _)| *other != name).collect();
        form.push((name, value));
        let (status, body) = send(&twilio, &form).await;
        assert_eq!((400, &json!(code), &json!(400)), (status, &body["code"], &body["status"]), "{name}={value}");
    }
    let many: Vec<_> = good.into_iter().chain([("MediaUrl", "https://example.com/a.png"); 11]).collect();
    assert_eq!(21_623, send(&twilio, &many).await.1["code"]);
    assert_eq!((1, 15), (twilio.messages().len(), twilio.attempts()));
}

#[tokio::test]
#[should_panic(expected = "Twilio was called wrongly")]
async fn an_unexpected_field_fails_the_test() {
    let twilio = Twilio::start();
    let form = [("To", CUSTOMER), ("From", NUMBER), ("Body", "a"), ("MaxPrice", "1")];
    assert_eq!(400, send(&twilio, &form).await.0);
    let _ = twilio.messages();
}

#[tokio::test]
#[should_panic(expected = "drops all media but the first")]
async fn media_that_whatsapp_would_drop_fail_the_test() {
    let twilio = Twilio::start();
    let media = ("MediaUrl", "https://example.com/a.png");
    let from = format!("whatsapp:{NUMBER}");
    send(&twilio, &[("To", ON_WHATSAPP), ("From", &from), media, media]).await;
    let _ = twilio.messages();
}

#[tokio::test]
async fn media_and_text_that_would_not_arrive_are_mistakes() {
    let twilio = Twilio::start();
    let from = format!("whatsapp:{NUMBER}");
    let _ = twilio.inbound("https://example.com/inbound", &Inbound::text(ON_WHATSAPP, "Hi"));
    for (to, from, medium, text, expected) in [
        (CUSTOMER, NUMBER, "film.mp4", "Look", 201),
        ("+491701234567", NUMBER, "map.png", "Look", 400),
        ("+18765550100", NUMBER, "map.png", "Look", 400),
        (ON_WHATSAPP, &from, "map.PNG?size=1", "Look", 201),
        (ON_WHATSAPP, &from, "picture", "Look", 201),
        (ON_WHATSAPP, &from, "film.mp4", "", 201),
        (ON_WHATSAPP, &from, "film.mp4", "Look", 400),
        (ON_WHATSAPP, &from, "plan.pdf", "Look", 400),
        (ON_WHATSAPP, &from, "sticker.webp", "Look", 400),
    ] {
        let url = format!("https://example.com/{medium}");
        let form = [("To", to), ("From", from), ("Body", text), ("MediaUrl", &url)];
        assert_eq!(expected, send(&twilio, &form).await.0, "{medium} to {to}");
    }
}

#[tokio::test]
async fn only_known_keys_are_taken_and_a_standard_key_cannot_read_the_account() {
    let twilio = Twilio::start();
    let url = format!("{}/2010-04-01/Accounts/{ACCOUNT_SID}.json", twilio.url);
    assert_eq!(401, http().get(&url).send().await.unwrap().status().as_u16());
    for (user, password, expected) in
        [(ACCOUNT_SID, AUTH_TOKEN, 200), (API_KEY, API_KEY_SECRET, 401), (API_KEY, "another", 401)]
    {
        let response = http().get(&url).basic_auth(user, Some(password)).send().await.unwrap();
        assert_eq!(expected, response.status().as_u16(), "{user}");
    }
    twilio.keys().change_to(&["SK1:s"]);
    assert_eq!((401, json!(20_003)), send_text(&twilio, CUSTOMER, "a").await);
    assert!(twilio.messages().is_empty());
}

#[tokio::test]
async fn it_injects_the_configured_faults() {
    let twilio = Twilio::start();
    twilio.fail([Fault::RateLimited(0), Fault::Status(503), Fault::Code(30_001), Fault::Reset]);
    assert_eq!((429, json!(20_429)), send_text(&twilio, CUSTOMER, "a").await);
    assert_eq!((503, json!(20_503)), send_text(&twilio, CUSTOMER, "a").await);
    assert_eq!((400, json!(30_001)), send_text(&twilio, CUSTOMER, "a").await);
    let form = [("To", CUSTOMER), ("From", NUMBER), ("Body", "a")];
    assert!(try_send(&twilio, &form).await.is_err());
    assert!(twilio.messages().is_empty());

    let delay = Duration::from_millis(200);
    twilio.fail([Fault::StatusAfterwards(500), Fault::ResponseLost, Fault::ResponseSlow(delay)]);
    assert_eq!((500, json!(20_500)), send_text(&twilio, CUSTOMER, "a").await);
    assert!(try_send(&twilio, &form).await.is_err());
    let begun = Instant::now();
    assert_eq!(201, send_text(&twilio, CUSTOMER, "a").await.0);
    assert!(begun.elapsed() >= delay);
    assert_eq!((3, 7), (twilio.messages().len(), twilio.attempts()));
}

#[tokio::test]
async fn a_customer_who_texts_stop_is_refused_until_start() {
    let twilio = Twilio::start();
    let url = "https://example.com/inbound";
    twilio.inbound(url, &Inbound::text(CUSTOMER, " Stop "));
    assert_eq!((400, json!(21_610)), send_text(&twilio, CUSTOMER, "a").await);
    assert_eq!(201, send_text(&twilio, "+15005550011", "a").await.0);
    twilio.inbound(url, &Inbound::text(CUSTOMER, "START"));
    assert_eq!(201, send_text(&twilio, CUSTOMER, "a").await.0);
}

/// What a webhook's receiver saw: the signature, and the body.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// A receiver of webhooks that answers with these statuses, and then 200.
fn receiver(statuses: &[u16]) -> (Server, Seen) {
    let seen = Seen::default();
    let statuses = Arc::new(Mutex::new(statuses.to_vec()));
    let answer = move |State(seen): State<Seen>, headers: HeaderMap, body: String| async move {
        let signature = headers["x-twilio-signature"].to_str().unwrap().to_owned();
        seen.lock().unwrap().push((signature, body));
        let mut statuses = statuses.lock().unwrap();
        let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
        (StatusCode::from_u16(status).unwrap(), [("content-type", "text/xml")], "<Response/>")
    };
    (Server::start(Router::new().fallback(answer).with_state(Arc::clone(&seen))), seen)
}

#[tokio::test]
async fn a_status_goes_to_the_messages_callback_and_its_signature_covers_the_form() {
    let (twilio, (receiver, seen)) = (Twilio::start(), receiver(&[]));
    let callback = format!("{}/status/1?a=b#rc=3", receiver.origin);
    let form = [("To", CUSTOMER), ("From", NUMBER), ("Body", "a"), ("StatusCallback", callback.as_str())];
    send(&twilio, &form).await;
    let message = twilio.wait_for(1).await.remove(0);
    twilio.report(&message, Status::failed(30_003)).await.assert_received();
    let (signature, body) = seen.lock().unwrap().remove(0);
    let form: Vec<_> = form_urlencoded::parse(body.as_bytes()).collect();
    let value = |name: &str| form.iter().find(|(other, _)| other == name).unwrap().1.clone();
    assert_eq!(("failed", "30003"), (&*value("MessageStatus"), &*value("ErrorCode")));
    assert_eq!(message.sid, value("MessageSid"));
    let url = format!("{}/status/1?a=b", receiver.origin);
    let parameters = || form.iter().map(|(name, value)| (&**name, &**value));
    assert_eq!(signature, signature::sign(AUTH_TOKEN, &url, parameters()));
    twilio.set_auth_token("another");
    let rotated = twilio.status(&message, Status::failed(30_003));
    assert_eq!(rotated.signature.unwrap(), signature::sign("another", &url, parameters()));
}

#[tokio::test]
async fn statuses_can_be_reported_before_an_answer_that_is_normal_late_or_lost() {
    let (twilio, (receiver, seen)) = (Twilio::start(), receiver(&[]));
    let form = [("To", CUSTOMER), ("From", NUMBER), ("Body", "a"), ("StatusCallback", &receiver.origin)];
    let statuses = [Status::SENT, Status::DELIVERED];
    (0..3).for_each(|_| twilio.report_before_answer(&statuses));

    assert_eq!((201, json!("queued")), {
        let (status, body) = send(&twilio, &form).await;
        (status, body["status"].clone())
    });
    assert_eq!(2, seen.lock().unwrap().len());
    let message = twilio.messages().remove(0);
    let read = json_of(get(&twilio, &format!("/Messages/{}.json", message.sid)).await).await;
    assert_eq!("delivered", read["status"]);

    // A fault without a message leaves the statuses to the next one.
    twilio.fail([Fault::RateLimited(0), Fault::ResponseLost]);
    assert_eq!(429, send(&twilio, &form).await.0);
    assert!(try_send(&twilio, &form).await.is_err());
    assert_eq!(4, seen.lock().unwrap().len());

    let (delay, begun) = (Duration::from_secs(1), Instant::now());
    twilio.fail([Fault::ResponseSlow(delay)]);
    let (sent, ()) = tokio::join!(send(&twilio, &form), async {
        while seen.lock().unwrap().len() < 6 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(begun.elapsed() < delay);
    });
    assert!(sent.0 == 201 && begun.elapsed() >= delay);
    send(&twilio, &form).await;
    assert_eq!((6, 4), (seen.lock().unwrap().len(), twilio.messages().len()));
    let words: Vec<_> = seen.lock().unwrap().iter().map(|(_, body)| body.contains("MessageStatus=delivered")).collect();
    assert_eq!([false, true].repeat(3), words);
}

#[tokio::test]
#[should_panic(expected = "a status is not accepted")]
async fn a_status_that_would_be_lost_fails_the_test() {
    let (twilio, (receiver, _)) = (Twilio::start(), receiver(&[503]));
    twilio.report_before_answer(&[Status::SENT]);
    send(&twilio, &[("To", CUSTOMER), ("From", NUMBER), ("Body", "a"), ("StatusCallback", &receiver.origin)]).await;
    let _ = twilio.messages();
}

#[tokio::test]
async fn on_whatsapp_only_a_template_arrives_more_than_a_day_after_the_customer_wrote() {
    let (twilio, (receiver, seen)) = (Twilio::start(), receiver(&[]));
    let from = format!("whatsapp:{NUMBER}");
    let to_customer = [("To", ON_WHATSAPP), ("From", &from), ("StatusCallback", &receiver.origin)];
    let text = [to_customer.as_slice(), &[("Body", "a")]].concat();
    let template = [to_customer.as_slice(), &[("ContentSid", "HX00000000000000000000000000000000")]].concat();
    let _ = twilio.inbound(&receiver.origin, &Inbound::text(ON_WHATSAPP, "Hi"));
    assert_eq!(201, send(&twilio, &text).await.0);
    twilio.end_session(ON_WHATSAPP);
    assert_eq!(201, send(&twilio, &template).await.0);
    let (status, body) = send(&twilio, &text).await;
    assert_eq!((201, &json!("queued")), (status, &body["status"]));
    while seen.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let failed = json_of(get(&twilio, &format!("/Messages/{}.json", body["sid"].as_str().unwrap())).await).await;
    assert_eq!((&json!("failed"), &json!(63_016)), (&failed["status"], &failed["error_code"]));
    let reports = seen.lock().unwrap().clone();
    assert!(reports.len() == 1 && reports[0].1.contains("MessageStatus=failed"), "{reports:?}");
    assert!(reports[0].1.contains("ErrorCode=63016"), "{reports:?}");
}

#[tokio::test]
async fn a_customers_message_is_repeated_as_the_fragment_says_and_then_goes_to_the_fallback() {
    let (twilio, (receiver, seen)) = (Twilio::start(), receiver(&[500, 503, 404]));
    let configured = format!("{}/inbound#rc=2&rp=5xx", receiver.origin);
    let fallback = format!("{}/fallback", receiver.origin);
    let settings = [("SmsUrl", configured.as_str()), ("SmsMethod", "POST"), ("SmsFallbackUrl", fallback.as_str())];
    let url = format!("{}/2010-04-01/Accounts/{ACCOUNT_SID}/IncomingPhoneNumbers/{NUMBER_SID}.json", twilio.url);
    let response = http().post(url).basic_auth(API_KEY, Some(API_KEY_SECRET)).form(&settings).send().await.unwrap();
    assert_eq!(configured, json_of(response).await["sms_url"]);
    let listed = json_of(get(&twilio, "/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550006").await).await;
    assert_eq!(configured, listed["incoming_phone_numbers"][0]["sms_url"]);

    let delivered = twilio.receive(&Inbound::text(CUSTOMER, "hello")).await;
    assert!(delivered.fell_back && delivered.answer().is_some(), "{delivered:?}");
    let bodies: Vec<_> = seen.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(4, bodies.len());
    assert_eq!((&bodies[0], &bodies[1]), (&bodies[1], &bodies[2]));
    assert_eq!(bodies[0], bodies[3].split("&ErrorCode=").next().unwrap());
}

#[tokio::test]
async fn a_file_is_late_then_redirected_to_a_place_that_takes_no_credentials() {
    let twilio = Twilio::start();
    twilio.delay_files(2);
    let inbound = Inbound::text(CUSTOMER, "").with_file("image/png", "content");
    let webhook = twilio.inbound("https://example.com/inbound", &inbound);
    assert!(webhook.body.ends_with("&MediaContentType0=image%2Fpng"), "{}", webhook.body);
    let path = format!("/Messages/{}/Media/{}", inbound.sid, inbound.files[0].sid);
    for expected in [404, 404, 307] {
        assert_eq!(expected, get(&twilio, &path).await.status().as_u16());
    }
    let response = get(&twilio, &path).await;
    let location = response.headers()["location"].to_str().unwrap();
    let refused = http().get(location).basic_auth(API_KEY, Some(API_KEY_SECRET)).send().await.unwrap();
    assert_eq!(400, refused.status().as_u16());
    let file = http().get(location).send().await.unwrap();
    assert_eq!("image/png", file.headers()["content-type"]);
    assert_eq!("content", file.text().await.unwrap());
    assert_eq!((1, true), (twilio.downloads(), twilio.keeps(&inbound.files[0])));
}
