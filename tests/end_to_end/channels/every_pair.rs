//! What holds for every platform with every channel: one body on each pair.

use super::customer::{Channel, Connection};
use super::platform::{FromAgent, Platform};
use serde_json::json;
use shared::channel::ChannelName;
use shared::platform::PlatformName;
use tests::simulators::twilio::Status;

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\na picture";

async fn a_conversation(platform: PlatformName, channel: ChannelName) {
    let connection = Connection::new(platform, channel).await;

    connection.customer_writes("Hello 👋").await;
    let received = connection.wait_for_customers(1).await;
    assert_eq!("Hello 👋", received[0].0);

    // To the customer: a text, a picture, a card.
    let text = connection.agent(&FromAgent::Text("Good morning")).await;
    let shown = connection.wait_for_shown(1).await;
    assert_eq!("Good morning", shown[0].text);
    report_delivered(&connection).await;
    connection.wait_for_receipt(&text, "Delivered").await;

    let (caption, url) = ("The way:", "https://example.com/media/map.png");
    connection.publish(url, PICTURE);
    connection.agent(&FromAgent::Picture { text: caption, url }).await;
    let shown = connection.wait_for_shown(2).await;
    let picture =
        shown[1..].iter().find(|shown| shown.text.contains(url) || shown.files.iter().any(|file| file == url));
    assert!(picture.is_some() && shown[1..].iter().any(|shown| shown.text.contains(caption)), "{shown:?}");

    let (before, image) = (connection.shown().len(), "https://example.com/rooms/garden.png");
    connection.publish(image, PICTURE);
    let card =
        FromAgent::Card { title: "Garden room", image, link: "https://example.com/rooms/garden", button: "Book it" };
    connection.agent(&card).await;
    let shown = connection.wait_for_shown(before + 1).await;
    assert!(shown[before].text.contains("Garden room"), "{shown:?}");

    // From the customer: a picture.
    connection.customer_sends(PICTURE, "my meter").await;
    let received = connection.wait_for_customers(2).await;
    let (text, files) = &received[1];
    assert_eq!(1, files.len(), "{received:?}");
    assert!(text.contains("my meter"), "{received:?}");
    if platform != PlatformName::MulticloudCx {
        let (status, media_type, content) = connection.fetch(&files[0]).await;
        assert_eq!((200, PICTURE), (status, content.as_slice()));
        // Telegram makes a JPEG of every photo.
        let expected = if channel == ChannelName::Telegram { "image/jpeg" } else { "image/png" };
        assert_eq!(expected, media_type);
    }

    // A choice: a response where the platform has them, else the option's words.
    let options = ["Yes", "No, later"];
    let question = connection.agent(&FromAgent::Choice { text: "Did that help?", options: &options }).await;
    let before = shown.len();
    let shown = connection.wait_for_shown(before + 1).await;
    assert!(shown[before].text.contains("Did that help?"), "{shown:?}");
    connection.customer_chooses(2, "No, later").await;
    if connection.platform.choices().is_none() {
        let received = connection.wait_for_customers(3).await;
        assert_eq!(("No, later".to_owned(), vec![]), received[2]);
        return;
    }
    let known = |platform: &Platform| platform.choices().is_some_and(|choices| !choices.is_empty());
    connection.platform.wait_until("the choice", known).await;
    let choice = connection.platform.choices().unwrap().pop().unwrap();
    let response = &choice["buttonResponse"];
    let expected = (json!("No, later"), json!("payload of No, later"), json!(question));
    let found = (response["text"].clone(), response["payload"].clone(), choice["originatingMessageId"].clone());
    assert_eq!(expected, found, "{choice}");
}

/// Twilio reports the status of a message. Telegram does not, and what it took counts as delivered.
async fn report_delivered(connection: &Connection) {
    if let Channel::Twilio(twilio) = &connection.channel {
        let message = twilio.messages().pop().expect("a message");
        for status in [Status::SENT, Status::DELIVERED] {
            assert_eq!(200, twilio.report(&message, status).await.status);
        }
    }
}

macro_rules! pairs {
    ($($name:ident: $platform:ident, $channel:ident;)+) => {
        $(#[tokio::test]
        async fn $name() {
            a_conversation(PlatformName::$platform, ChannelName::$channel).await;
        })+
    };
}

pairs! {
    genesys_cloud_with_twilio: GenesysCloud, Twilio;
    genesys_cloud_with_telegram: GenesysCloud, Telegram;
    multicloud_cx_with_twilio: MulticloudCx, Twilio;
    multicloud_cx_with_telegram: MulticloudCx, Telegram;
    highlevel_with_twilio: HighLevel, Twilio;
    highlevel_with_telegram: HighLevel, Telegram;
}
