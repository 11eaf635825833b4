//! Integrations with a channel: connected, checked and rotated by the command.

use crate::cli::doctor_fixture::Report;
use crate::cli::fixture::Fixture;
use crate::cli::rotation_under_traffic::finished_once_unused;
use serde_json::{Value, json};
use tests::harness::command::{Command, CommandOutput};
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET};
use tests::simulators::telegram::{self, Telegram};
use tests::simulators::twilio::{self, Twilio};

const CHAT: i64 = 5_550_010;

/// The fragment by which Twilio retries.
const RETRIES: &str = "#rc=3&rp=all&ct=2000&rt=4500";

impl Fixture {
    fn channel_url(&self) -> String {
        format!("{}/integrations/{}/channel", self.stack.api_url, self.name)
    }

    fn add_channel(&self, channel: &str, url: &str) -> Command {
        self.command(&["add", &self.name])
            .with(&["--platform", "genesys-cloud", "--domain", &self.platform.url, "--client-id", CLIENT_ID])
            .with(&["--channel", channel, "--channel-api-url", url])
            .env("PATCHBAY_CLIENT_SECRET", CLIENT_SECRET)
    }

    pub(super) fn add_telegram(&self, telegram: &Telegram) -> Command {
        self.add_channel("telegram", &telegram.url).env("PATCHBAY_BOT_TOKEN", telegram::TOKEN)
    }

    pub(super) fn add_twilio(&self, twilio: &Twilio) -> Command {
        self.add_channel("twilio", &twilio.url)
            .with(&["--account-sid", twilio::ACCOUNT_SID, "--api-key-sid", twilio::API_KEY])
            .env("PATCHBAY_AUTH_TOKEN", twilio::AUTH_TOKEN)
            .env("PATCHBAY_API_KEY_SECRET", twilio::API_KEY_SECRET)
    }

    fn rotate(&self, secret: &str) -> Command {
        self.command(&["rotate", &self.name, "--secret", secret])
    }

    async fn channel(&self) -> Value {
        self.shown().await["configuration"]["channel"].take()
    }

    pub(super) async fn diagnose(&self) -> Report {
        let command = Command::new(&["doctor", &self.name, "--json"]).env("API_URL", &self.stack.api_url);
        let ran = command.run().await;
        Report { json: ran.json(), ran }
    }

    async fn post(&self, url: String, body: &str, credentials: Option<(&str, &str)>) {
        let content_type = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        let request = self.stack.http.post(url).header("content-type", content_type).body(body.to_owned());
        let request = match credentials {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        };
        let status = request.send().await.expect("the provider answers").status();
        assert!(status.is_success(), "{status}");
    }

    /// Another program calls the bot's API.
    pub(super) async fn call_telegram(&self, telegram: &Telegram, method: &str, parameters: &Value) {
        // Telegram takes one change of a webhook in a second.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let url = format!("{}/bot{}/{method}", telegram.url, telegram::TOKEN);
        self.post(url, &parameters.to_string(), None).await;
    }

    /// Another program changes the number's webhooks.
    async fn change_number(&self, twilio: &Twilio, form: &str) {
        let path =
            format!("2010-04-01/Accounts/{}/IncomingPhoneNumbers/{}.json", twilio::ACCOUNT_SID, twilio::NUMBER_SID);
        let credentials = Some((twilio::API_KEY, twilio::API_KEY_SECRET));
        self.post(format!("{}/{path}", twilio.url), form, credentials).await;
    }

    async fn wait_for_inbound(&self, count: usize) {
        self.platform.wait_for_calls_of("inbound-message", count).await;
    }
}

impl Report {
    pub(super) fn assert_ok(&self, names: &[&str]) {
        for name in names {
            assert_eq!("ok", self.check(name)["verdict"], "{self}");
        }
    }

    pub(super) fn assert_verdict(&self, name: &str, verdict: &str, seen: &str, advice: &str) {
        assert_eq!(verdict, self.check(name)["verdict"], "{self}");
        self.assert_check(name, seen, advice);
    }
}

const CHECKS: [&str; 3] = ["channel credentials", "channel webhook", "channel address"];

/// The webhook's secret at Telegram.
fn secret_at(telegram: &Telegram) -> String {
    telegram.webhook().and_then(|webhook| webhook.secret_token).expect("a webhook with a secret")
}

/// What is left to do.
fn next(ran: &CommandOutput) -> String {
    ran.json()["next"].to_string()
}

#[tokio::test]
async fn a_bot_is_connected_and_what_its_customers_write_arrives() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let added = fixture.add_telegram(&telegram).run().await.succeeded();
    let channel = fixture.channel().await;
    let secret = channel["webhookSecrets"][0].as_str().unwrap().to_owned();
    assert_eq!((43, secret_at(&telegram)), (secret.len(), secret.clone()));
    assert_eq!(Some(fixture.channel_url()), telegram.webhook().map(|webhook| webhook.url));
    assert_eq!(json!(fixture.channel_url()), added.json()["channelUrl"]);
    assert!(next(&added).contains("https://t.me/acme_bot"), "{added:?}");
    for hidden in [telegram::TOKEN, &secret] {
        assert!(!added.all_output().contains(hidden), "{added:?}");
    }

    assert!(telegram.deliver(&telegram.text(CHAT, "Good morning")).await.is_success());
    fixture.wait_for_inbound(1).await;

    // A second run changes nothing.
    let _ = fixture.add_telegram(&telegram).run().await.succeeded();
    assert_eq!(channel, fixture.channel().await);
    let rows = fixture.command(&["list"]).run().await.succeeded().json();
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == *fixture.name).unwrap();
    assert_eq!(json!("telegram"), row["channel"]);
    let shown = fixture.human(&["show", &fixture.name]).run().await.succeeded();
    assert!(shown.stdout.contains(&fixture.channel_url()), "{shown:?}");
    assert!(!shown.stdout.contains(telegram::TOKEN) && !shown.stdout.contains(&secret), "{shown:?}");
}

#[tokio::test]
async fn a_bot_that_is_connected_elsewhere_is_taken_over_only_if_that_is_confirmed() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    fixture.call_telegram(&telegram, "setWebhook", &json!({"url": "https://example.com/bot"})).await;
    let refused = fixture.add_telegram(&telegram).run().await.exited_with(2);
    assert!(refused.stderr.contains("@acme_bot is sent elsewhere"), "{refused:?}");
    assert_eq!(0, fixture.listed().await);
    assert_eq!(Some("https://example.com/bot".to_owned()), telegram.webhook().map(|webhook| webhook.url));
    let _ = fixture.add_telegram(&telegram).with(&["--yes"]).run().await.succeeded();
    assert_eq!(Some(fixture.channel_url()), telegram.webhook().map(|webhook| webhook.url));
}

#[tokio::test]
async fn nothing_is_stored_with_credentials_that_the_provider_refuses() {
    let (fixture, telegram, twilio) = (Fixture::new().await, Telegram::start(), Twilio::start());
    telegram.tokens().change_to(&["7100001:another"]);
    let refused = fixture.add_telegram(&telegram).run().await.exited_with(1);
    assert!(refused.stderr.contains("does not accept the bot's token"), "{refused:?}");
    twilio.keys().change_to(&[&format!("{}:{}", twilio::ACCOUNT_SID, twilio::AUTH_TOKEN)]);
    let refused = fixture.add_twilio(&twilio).with(&["--sender", twilio::NUMBER]).run().await.exited_with(1);
    assert!(refused.stderr.contains("does not accept the API key"), "{refused:?}");
    assert_eq!(0, fixture.listed().await);
}

#[tokio::test]
async fn options_that_do_not_fit_together_are_named() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let both = fixture.add_telegram(&telegram).with(&["--delivery-url", "https://example.com/", "--account-sid", "AC"]);
    let refused = both.run().await.exited_with(2);
    for expected in [
        "--delivery-url does not apply to the channel telegram: it is for a messaging service",
        "--account-sid does not apply to the channel telegram: it is for the channel twilio",
    ] {
        assert!(refused.stderr.contains(expected), "{refused:?}");
    }
    let missing = fixture.add_channel("twilio", "http://127.0.0.1:9").run().await.exited_with(2);
    assert!(missing.stderr.contains("--account-sid, --auth-token-file"), "{missing:?}");

    let highlevel = fixture.command(&["add", &fixture.name, "--platform", "highlevel", "--location-id", "l"]);
    let highlevel = highlevel.with(&["--channel", "telegram"]).env("PATCHBAY_TOKEN", "t");
    let missing = highlevel.env("PATCHBAY_BOT_TOKEN", telegram::TOKEN).run().await.exited_with(2);
    assert!(missing.stderr.contains("these options are missing: --conversation-provider-id"), "{missing:?}");
    assert_eq!((0, None), (fixture.listed().await, telegram.webhook()));
}

#[tokio::test]
async fn a_person_is_asked_for_a_channel_and_its_values() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let answers = [
        ("Platform", "genesys-cloud"),
        ("Messages for customers go to", "telegram"),
        ("Domain", fixture.platform.url.as_str()),
        ("Id of the OAuth client", CLIENT_ID),
        ("Secret of the OAuth client", CLIENT_SECRET),
        ("Token of the Telegram bot", telegram::TOKEN),
        ("The messaging setting", ""),
        ("The supported content profile", ""),
        ("Match customers", ""),
    ];
    let add = fixture.human(&["add", &fixture.name, "--channel-api-url", &telegram.url]);
    let ran = add.run_in_terminal(&answers).await.succeeded();
    assert!(ran.stdout.contains("Telegram accepts the token of @acme_bot"), "{ran:#?}");
    assert!(!ran.stdout.contains(telegram::TOKEN), "{ran:#?}");
    assert_eq!(Some(fixture.channel_url()), telegram.webhook().map(|webhook| webhook.url));
}

#[tokio::test]
async fn a_numbers_webhooks_are_set_if_that_is_confirmed_and_else_shown() {
    let (fixture, twilio) = (Fixture::new().await, Twilio::start());
    let add = || fixture.add_twilio(&twilio).with(&["--sender", twilio::NUMBER]);
    let shown = add().run().await.succeeded();
    let address = format!("{}{RETRIES}", fixture.channel_url());
    assert!(next(&shown).contains(&address), "{shown:?}");
    assert!(twilio.number_settings().is_empty());

    let _ = add().with(&["--yes"]).run().await.succeeded();
    let settings = twilio.number_settings();
    assert_eq!((Some(&address), Some(&address)), (settings.get("SmsUrl"), settings.get("SmsFallbackUrl")));
    let again = add().run().await.succeeded();
    assert!(!next(&again).contains(&address), "{again:?}");

    let delivered = twilio.receive(&twilio::Inbound::text("+15005550010", "Good morning")).await;
    delivered.answer().unwrap_or_else(|| panic!("{delivered:?}")).assert_received();
    fixture.wait_for_inbound(1).await;
}

#[tokio::test]
async fn the_webhooks_of_a_messaging_service_are_set_and_those_of_whatsapp_are_shown() {
    let (fixture, twilio) = (Fixture::new().await, Twilio::start());
    let service = ["--messaging-service-sid", twilio::MESSAGING_SERVICE, "--yes"];
    let _ = fixture.add_twilio(&twilio).with(&service).run().await.succeeded();
    let address = format!("{}{RETRIES}", fixture.channel_url());
    let settings = twilio.service_settings();
    assert_eq!((Some(&address), Some(&address)), (settings.get("InboundRequestUrl"), settings.get("FallbackUrl")));

    let sender = format!("whatsapp:{}", twilio::NUMBER);
    let whatsapp = fixture.add_twilio(&twilio).with(&["--replace", "--sender", &sender, "--yes"]);
    let shown = whatsapp.run().await.succeeded();
    assert!(next(&shown).contains("WhatsApp sender") && next(&shown).contains(&address), "{shown:?}");
    let channel = fixture.channel().await;
    assert_eq!((json!(sender), Value::Null), (channel["from"].clone(), channel["messagingServiceSid"].clone()));
}

#[tokio::test]
async fn the_doctor_finds_what_is_wrong_with_a_bot() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let _ = fixture.add_telegram(&telegram).run().await.succeeded();
    let connect = format!("`patchbay integration add {}`", fixture.name);
    let fine = fixture.diagnose().await;
    fine.assert_ok(&CHECKS);
    fine.assert_check("channel credentials", "@acme_bot", "");
    fine.assert_check("configuration", "genesys-cloud and telegram", "");
    assert!(!fine.json.to_string().contains("\"messaging service\""), "{:#}", fine.json);

    fixture.call_telegram(&telegram, "deleteWebhook", &json!({})).await;
    fixture.diagnose().await.assert_verdict("channel webhook", "fault", "has no webhook", &connect);
    let elsewhere = json!({"url": "https://example.com/bot", "allowed_updates": []});
    fixture.call_telegram(&telegram, "setWebhook", &elsewhere).await;
    fixture.diagnose().await.assert_verdict("channel webhook", "fault", "https://example.com", &connect);

    let foreign = json!({"url": fixture.channel_url(), "secret_token": "another-secret"});
    fixture.call_telegram(&telegram, "setWebhook", &foreign).await;
    assert_eq!(401, telegram.post(&telegram.text(CHAT, "Hello")).await.status);
    fixture.diagnose().await.assert_verdict("channel webhook", "fault", "1 update waits", &connect);
    let _ = fixture.add_telegram(&telegram).run().await.succeeded();
    fixture.diagnose().await.assert_ok(&CHECKS);

    telegram.tokens().change_to(&["7100001:another"]);
    let report = fixture.diagnose().await;
    report.assert_verdict("channel credentials", "fault", "does not accept the bot's token", "--secret bot-token");
    report.assert_skipped(&["channel webhook"], "does not accept the token");
    assert!(!report.ran.all_output().contains(telegram::TOKEN), "{:?}", report.ran);
}

#[tokio::test]
async fn the_doctor_finds_what_is_wrong_with_a_number() {
    let (fixture, twilio) = (Fixture::new().await, Twilio::start());
    let _ = fixture.add_twilio(&twilio).with(&["--sender", twilio::NUMBER, "--yes"]).run().await.succeeded();
    let set = format!("`patchbay integration add {} --yes`", fixture.name);
    fixture.diagnose().await.assert_ok(&CHECKS);

    fixture.change_number(&twilio, "SmsFallbackUrl=").await;
    fixture.diagnose().await.assert_verdict("channel webhook", "warning", "fallback", &set);
    fixture.change_number(&twilio, "SmsUrl=https%3A%2F%2Fexample.com%2Fsms").await;
    fixture.diagnose().await.assert_verdict("channel webhook", "fault", "are sent to https://example.com", &set);
    let _ = fixture.add_twilio(&twilio).with(&["--yes"]).run().await.succeeded();
    fixture.diagnose().await.assert_ok(&CHECKS);

    twilio.keys().change_to(&["another:key"]);
    let report = fixture.diagnose().await;
    for (seen, advice) in [("the account's Auth Token", "--secret auth-token"), ("the API key", "--api-key-sid")] {
        report.assert_verdict("channel credentials", "fault", seen, advice);
    }
    twilio.keys().change_to(&[&format!("{}:{}", twilio::ACCOUNT_SID, twilio::AUTH_TOKEN)]);
    let report = fixture.diagnose().await;
    report.assert_verdict("channel credentials", "fault", "the API key", "--secret channel-api-key");
    for secret in [twilio::AUTH_TOKEN, twilio::API_KEY_SECRET] {
        assert!(!report.ran.all_output().contains(secret), "{:?}", report.ran);
    }
}

#[tokio::test]
async fn a_bots_webhook_secret_is_rotated_without_a_refused_update() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let _ = fixture.add_telegram(&telegram).run().await.succeeded();
    let old = secret_at(&telegram);
    let mut sent = 0;
    let mut rotating = Box::pin(fixture.rotate("channel-webhook").run());
    let rotated = loop {
        sent += 1;
        let update = telegram.text(CHAT, &format!("message {sent}"));
        tokio::select! {
            rotated = &mut rotating => break rotated.succeeded(),
            answer = telegram.post(&update) => assert!(answer.is_success(), "{answer:?}"),
        }
    };
    assert_eq!(2, rotated.json()["good"]);
    assert!(next(&rotated).contains("Better after seven days"), "{rotated:?}");
    let new = secret_at(&telegram);
    assert_ne!(old, new);
    assert_eq!(json!([new, old]), fixture.channel().await["webhookSecrets"]);
    assert!(telegram.post(&telegram.text(CHAT, "Hello")).await.is_success());

    let finished = finished_once_unused(&fixture.rotate("channel-webhook").with(&["--finish"])).await;
    assert!(next(&finished).contains("That invalidates links to customers' files"), "{finished:?}");
    assert_eq!(json!([new]), fixture.channel().await["webhookSecrets"]);
    assert!(telegram.post(&telegram.text(CHAT, "Hello again")).await.is_success());
}

#[tokio::test]
async fn a_bots_new_token_is_stored_with_its_webhook_and_another_bots_is_refused() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let _ = fixture.add_telegram(&telegram).run().await.succeeded();
    let rotate = |token: &str| fixture.rotate("bot-token").with(&["--secret-file", "-", "--no-wait"]).input(token);
    let refused = rotate("7100002:another-bot").run().await.exited_with(1);
    let both = "the bot 7100002's, and the stored one the bot 7100001's, which Telegram accepts";
    assert!(refused.stderr.contains(both) && refused.stderr.contains("--replace --bot-token-file"), "{refused:?}");

    // BotFather's new token ends the old one, and the webhook with it.
    fixture.call_telegram(&telegram, "deleteWebhook", &json!({})).await;
    let new = "7100001:new-token";
    telegram.tokens().change_to(&[new]);
    let rotated = rotate(new).run().await.succeeded();
    assert!(!rotated.all_output().contains(new), "{rotated:?}");
    assert_eq!(json!(new), fixture.channel().await["botToken"]);
    assert_eq!(Some(fixture.channel_url()), telegram.webhook().map(|webhook| webhook.url));
}

#[tokio::test]
async fn twilios_tokens_and_keys_are_rotated() {
    let (fixture, twilio) = (Fixture::new().await, Twilio::start());
    let _ = fixture.add_twilio(&twilio).with(&["--sender", twilio::NUMBER, "--yes"]).run().await.succeeded();
    let (token, key, secret) = ("new-auth-token-of-the-tests", "SK11111111111111111111111111111111", "new-secret");
    let accept = |keys: &[(&str, &str)]| {
        let keys: Vec<_> = keys.iter().map(|(user, password)| format!("{user}:{password}")).collect();
        twilio.keys().change_to(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    };
    let account = twilio::ACCOUNT_SID;
    let rotate = fixture.rotate("auth-token").with(&["--secret-file", "-"]).input(token);
    let refused = rotate.clone().run().await.exited_with(1);
    assert!(refused.stderr.contains("does not accept the account's Auth Token"), "{refused:?}");

    // The secondary token, which is promoted later. The API key has been deleted meanwhile.
    accept(&[(account, twilio::AUTH_TOKEN), (account, token)]);
    let rotated = rotate.run().await.succeeded();
    assert_eq!(2, rotated.json()["good"]);
    assert!(next(&rotated).contains("Better after seven days"), "{rotated:?}");
    assert_eq!(json!([token, twilio::AUTH_TOKEN]), fixture.channel().await["authTokens"]);
    twilio.set_auth_token(token);
    let inbound = twilio::Inbound::text("+15005550010", "Hello");
    twilio.post(&twilio.inbound(&fixture.channel_url(), &inbound)).await.assert_received();
    let early = fixture.rotate("auth-token").with(&["--finish"]).run().await.exited_with(1);
    assert!(early.stderr.contains("Twilio still accepts the old Auth Token"), "{early:?}");
    accept(&[(account, token)]);
    let finished = finished_once_unused(&fixture.rotate("auth-token").with(&["--finish"])).await;
    assert!(next(&finished).contains("statuses of messages sent before it"), "{finished:?}");
    assert_eq!(json!([token]), fixture.channel().await["authTokens"]);

    let without = fixture.rotate("channel-api-key").with(&["--secret-file", "-"]).input(secret);
    let refused = without.clone().run().await.exited_with(2);
    assert!(refused.stderr.contains("--api-key-sid is missing"), "{refused:?}");
    let without = without.with(&["--api-key-sid", key, "--no-wait"]);
    let refused = without.clone().run().await.exited_with(1);
    assert!(refused.stderr.contains("does not accept the API key"), "{refused:?}");
    // The Auth Token has been revoked meanwhile.
    accept(&[(key, secret)]);
    let _ = without.run().await.succeeded();
    let channel = fixture.channel().await;
    assert_eq!((json!(key), json!(secret)), (channel["apiKeySid"].clone(), channel["apiKeySecret"].clone()));
}

#[tokio::test]
async fn a_secret_that_the_integration_does_not_have_is_not_rotated() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let _ = fixture.add_telegram(&telegram).run().await.succeeded();
    for secret in ["signing", "auth-token", "channel-api-key"] {
        let refused = fixture.rotate(secret).run().await.exited_with(2);
        assert!(refused.stderr.contains("with the channel telegram has no such secret"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_sample_that_reaches_a_customer_needs_one() {
    let (fixture, telegram) = (Fixture::new().await, Telegram::start());
    let _ = fixture.add_telegram(&telegram).with(&["--caller", "crm"]).run().await.succeeded();
    let test = |more: &[&str]| {
        Command::new(&["webhook", "test", &fixture.name]).with(more).env("API_URL", &fixture.stack.api_url)
    };
    let refused = test(&["--text", "Hello"]).run().await.exited_with(2);
    assert!(refused.stderr.contains("say who with --to"), "{refused:?}");
    assert!(telegram.deliver(&telegram.start_chat(CHAT, None)).await.is_success());
    let _ = test(&["--text", "Hello", "--to", &CHAT.to_string(), "--wait"]).run().await.succeeded();
    assert_eq!("Hello", telegram.sent_to(CHAT)[0].text);

    let inbound = ["send", "inbound", "message", &fixture.name, "--from", &CHAT.to_string(), "--text", "Hi"];
    let sent = Command::new(&inbound).env("API_URL", &fixture.stack.api_url).run().await.succeeded();
    assert!(sent.stderr.contains("has the channel telegram"), "{sent:?}");
}
