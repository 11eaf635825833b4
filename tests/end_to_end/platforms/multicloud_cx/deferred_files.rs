//! Customers' files of messages that are posted from the queue.

use super::file_host::PICTURE;
use super::{Fixture, written};
use axum::Router;
use axum::http::header;
use axum::routing::get;
use jiff::Timestamp;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use shared::delivery::envelope::{InboundContent, InboundEnvelope};
use shared::platform::Route;
use std::time::Duration;
use tests::harness::lanes::{OwnLanes, Setup};
use tests::harness::server::Server;
use tests::simulators::messaging_service::Reply;
use tests::simulators::multicloud_cx::api::{Fault, MulticloudCx};

#[tokio::test]
async fn of_a_batch_of_many_customers_three_files_at_a_time_are_in_memory() {
    const CUSTOMERS: usize = 8;
    let picture = async || ([(header::CONTENT_TYPE, "image/png")], PICTURE);
    let host = Server::start(Router::new().route("/parcel.png", get(picture)));
    let trusting = |configuration: &mut Value| configuration["media"] = json!({"trustedOrigins": [host.origin]});
    let fixture = Fixture::configured(MulticloudCx::start().await, Reply::status(200), trusting).await;
    fixture.platform.fail_uploads([Fault::Slow(Duration::from_millis(300)); CUSTOMERS]);
    let lanes = OwnLanes::start(Setup::DEFAULT).await;
    for number in 0..CUSTOMERS {
        let (customer, message_id) = (format!("c-{number}"), format!("m-{number}"));
        let file = json!({"url": format!("{}/parcel.png", host.origin), "mime": "image/png"});
        let mut body = written(&message_id, &json!({"text": "look", "attachment": file}));
        body["from"]["id"] = customer.clone().into();
        let inbound = InboundContent {
            route: Route::InboundMessages,
            caller: "crm".to_owned(),
            customer,
            message_id: Some(message_id),
            fingerprint: number.to_string(),
            body: to_raw_value(&body).unwrap(),
            channel: None,
        };
        let (integration, received_at) = (fixture.integration.name.clone(), Timestamp::now());
        let envelope = InboundEnvelope { integration, received_at, trace_id: None, replay: None, inbound };
        lanes.queue().send_inbound(&envelope).await.unwrap();
    }
    fixture.platform.wait_for_calls(CUSTOMERS).await;
    lanes.wait_until_empty().await;
    assert_eq!((CUSTOMERS, CUSTOMERS), (fixture.platform.messages().len(), fixture.platform.files().len()));
    let most = fixture.platform.most_uploads();
    assert!((2..=3).contains(&most), "{most}");
}
