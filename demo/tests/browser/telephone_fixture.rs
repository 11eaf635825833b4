//! A customer's telephone, and a client of the provider's API in place of Patchbay, which takes the webhooks.

use crate::fixture::{BY_SMS, ON_TELEGRAM};
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use demo::telephone::{Provider, Telephone};
use reqwest::Client;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tests::harness::browser::Browser;
use tests::harness::listener::listen;
use tests::harness::server::Server;
use tests::simulators::telegram::{self, Telegram};
use tests::simulators::twilio::{self, Twilio};

pub(crate) const PICTURE: &[u8] = include_bytes!("../../../tests/fixtures/parcel.png");

pub(crate) struct Phone {
    pub(crate) http: Client,
    pub(crate) page: Telephone,
    pub(crate) customer: &'static str,
    /// The provider's API.
    api: String,
    /// Takes the webhooks.
    patchbay: Server,
    /// Their bodies.
    posted: Arc<Mutex<Vec<String>>>,
}

impl Phone {
    pub(crate) fn telegram() -> Self {
        Self::answering(true, StatusCode::OK)
    }

    pub(crate) fn sms() -> Self {
        Self::answering(false, StatusCode::OK)
    }

    pub(crate) fn both() -> [Self; 2] {
        [Self::telegram(), Self::sms()]
    }

    /// Webhooks are answered with this status.
    pub(crate) fn answering(is_on_telegram: bool, status: StatusCode) -> Self {
        let posted = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&posted);
        let take = async move |body: String| {
            seen.lock().unwrap().push(body);
            status
        };
        let patchbay = Server::start(Router::new().fallback(take));
        let (provider, api, customer) = if is_on_telegram {
            let telegram = Telegram::start();
            let api = telegram.url.clone();
            (Provider::Telegram(telegram), api, ON_TELEGRAM)
        } else {
            let twilio = Twilio::start();
            let api = twilio.url.clone();
            (Provider::Sms(twilio), api, BY_SMS)
        };
        provider.connect(&format!("{}/channel", patchbay.origin));
        let parent = "http://127.0.0.1:9".parse().unwrap();
        let page = Telephone::on(listen(), provider, &parent).unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        Self { http, page, customer, api, patchbay, posted }
    }

    /// A browser that shows the chat.
    pub(crate) async fn browser(&self) -> Browser {
        let browser = Browser::start(412, 860).await;
        let url = reqwest::Url::parse_with_params(&self.page.url, [("customer", self.customer)]);
        browser.open(url.unwrap().as_str()).await;
        browser.wait_until("document.getElementById('status').textContent.includes('You are')").await;
        browser
    }

    /// What was posted to the webhook that has this in it, once it is there.
    pub(crate) async fn posted(&self, text: &str) -> String {
        let mut changes = self.page.provider.changes();
        let find = || self.posted.lock().unwrap().iter().find(|body| body.contains(text)).cloned();
        changes.wait_for(|_| find().is_some()).await.unwrap();
        find().unwrap()
    }

    /// The bot calls a method.
    pub(crate) async fn bot(&self, method: &str, parameters: &Value) -> Value {
        let url = format!("{}/bot{}/{method}", self.api, telegram::TOKEN);
        let request = self.http.post(url).header("content-type", "application/json").body(parameters.to_string());
        let answer: Value = serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap();
        assert_eq!(json!(true), answer["ok"], "{answer}");
        answer["result"].clone()
    }

    /// The bot sends a text with these buttons. Returns the id of the message.
    pub(crate) async fn bot_asks(&self, text: &str, buttons: &[&str]) -> Value {
        let numbered = (1..).zip(buttons);
        let rows: Vec<_> = numbered
            .map(|(number, title): (usize, _)| json!([{"text": title, "callback_data": number.to_string()}]))
            .collect();
        let markup = json!({"inline_keyboard": rows});
        let message = json!({"chat_id": self.customer, "text": text, "reply_markup": markup});
        self.bot("sendMessage", &message).await["message_id"].clone()
    }

    /// The bot sends a picture.
    pub(crate) async fn bot_sends_a_picture(&self, caption: &str) {
        let url = format!("{}/picture.png", self.patchbay.origin);
        let Provider::Telegram(telegram) = &*self.page.provider else { panic!("another provider") };
        telegram.publish(&url, "image/png", Bytes::from_static(PICTURE));
        self.bot("sendPhoto", &json!({"chat_id": self.customer, "photo": url, "caption": caption})).await;
    }

    /// The bot sends a document, which is no picture.
    pub(crate) async fn bot_sends_a_file(&self, name: &str, media_type: &str, content: &str) {
        let url = format!("{}/bot{}/sendDocument?chat_id={}", self.api, telegram::TOKEN, self.customer);
        let form = format!(
            "--b\r\ncontent-disposition: form-data; name=\"document\"; filename=\"{name}\"\r\n\
             content-type: {media_type}\r\n\r\n{content}\r\n--b--\r\n"
        );
        let request = self.http.post(url).header("content-type", "multipart/form-data; boundary=b").body(form);
        let status = request.send().await.unwrap().status();
        assert!(status.is_success(), "{status}");
    }

    /// The company sends a text by SMS, with reports about it.
    pub(crate) async fn company_texts(&self, text: &str) {
        let path = format!("2010-04-01/Accounts/{}/Messages.json", twilio::ACCOUNT_SID);
        let callback = format!("{}/status", self.patchbay.origin);
        let form = [("To", self.customer), ("From", twilio::NUMBER), ("Body", text), ("StatusCallback", &callback)];
        let request = self.http.post(format!("{}/{path}", self.api)).form(&form);
        let request = request.basic_auth(twilio::API_KEY, Some(twilio::API_KEY_SECRET));
        let status = request.send().await.unwrap().status();
        assert!(status.is_success(), "{status}");
    }
}

/// Chooses a picture to send, as with the dialogue for that.
pub(crate) async fn send_picture(browser: &Browser, media_type: &str) {
    let choose = "const files = new DataTransfer();
        files.items.add(new File([new Uint8Array(arguments[0])], 'parcel', { type: arguments[1] }));
        const input = document.getElementById('picture');
        input.files = files.files;
        input.dispatchEvent(new Event('change'));";
    browser.run_with(choose, &[json!(PICTURE), json!(media_type)]).await;
}

/// Waits until the last entry of the customer is in this state.
pub(crate) async fn wait_for_state(browser: &Browser, state: &str) {
    let last = "[...document.querySelectorAll('.own .state')].at(-1)?.textContent";
    browser.wait_until(&format!("{last}?.endsWith({})", json!(state))).await;
}
