//! HighLevel: a customer who is known only by a phone number or an email address.

use super::highlevel::Fixture;
use serde_json::{Value, json};
use tests::simulators::highlevel::api::{Call, Contact, DuplicateSetting, Fault};

const PHONE: &str = "+15555550123";

fn message(id: &str, from: Value) -> Value {
    json!({"messageId": id, "from": from, "text": "hello"})
}

fn by_phone(id: &str) -> Value {
    message(id, json!({"id": PHONE, "idType": "Phone", "nickname": "Ada"}))
}

fn operations(calls: &[Call]) -> Vec<&'static str> {
    calls.iter().map(|call| call.operation).collect()
}

#[tokio::test]
async fn an_unknown_number_becomes_a_contact_that_is_remembered() {
    let fixture = Fixture::start().await;
    let first = fixture.post("inbound/messages", &by_phone("m-1")).await;
    assert_eq!(200, first.status.as_u16(), "{:?}", first.body);
    let second = fixture.post("inbound/messages", &by_phone("m-2")).await;
    let calls = fixture.platform.calls();
    let searches_before_second =
        operations(&calls).iter().filter(|operation| **operation == "search-duplicate").count();
    // Another process may have received the second message; it finds the contact without another upsert.
    assert!((1..=2).contains(&searches_before_second), "{calls:?}");
    assert_eq!(vec!["search-duplicate", "upsert", "inbound"], operations(&calls)[..3]);
    let location = fixture.location();
    assert_eq!(Some(format!("locationId={location}&number=%2B15555550123")), calls[0].query);
    let upsert = json!({
        "locationId": location, "phone": PHONE, "name": "Ada", "createNewIfDuplicateAllowed": false,
    });
    assert_eq!(upsert, calls[1].body);
    assert_eq!(1, fixture.platform.calls_of("upsert").len());
    let [contact] = &*fixture.platform.contacts() else { panic!("one contact") };
    for answer in [first, second] {
        assert_eq!(json!(contact.id), answer.body["contactId"]);
    }
    assert!(fixture.platform.calls_of("inbound").iter().all(|call| call.body["contactId"] == contact.id));
}

#[tokio::test]
async fn a_known_address_is_found_and_its_contact_is_not_changed() {
    let fixture = Fixture::start().await;
    fixture.platform.set_duplicates(DuplicateSetting::UniqueEmail);
    let known = Contact { id: "k-1".into(), email: Some("ada@example.com".into()), ..Contact::default() };
    fixture.platform.add_contact(known);
    let from = json!({"id": "ada@example.com", "idType": "Email", "firstName": "Augusta"});
    assert_eq!(200, fixture.post("inbound/messages", &message("m-1", from)).await.status.as_u16());
    let calls = fixture.platform.calls();
    assert_eq!(vec!["search-duplicate", "inbound"], operations(&calls));
    assert_eq!(Some(format!("locationId={}&email=ada%40example.com", fixture.location())), calls[0].query);
    assert_eq!("k-1", calls[1].body["contactId"]);
}

#[tokio::test]
async fn of_several_contacts_with_an_address_the_one_that_the_platform_finds_gets_the_message() {
    let fixture = Fixture::start().await;
    fixture.platform.set_duplicates(DuplicateSetting::Allowed);
    for id in ["k-1", "k-2"] {
        fixture.platform.add_contact(Contact { id: id.into(), phone: Some(PHONE.into()), ..Contact::default() });
    }
    let answer = fixture.post("inbound/messages", &by_phone("m-1")).await;
    assert_eq!((200, &json!("k-1")), (answer.status.as_u16(), &answer.body["contactId"]));
    assert_eq!(vec!["search-duplicate", "inbound"], operations(&fixture.platform.calls()));
}

#[tokio::test]
async fn a_remembered_contact_that_is_gone_is_looked_up_again() {
    let fixture = Fixture::start().await;
    let contact = async || fixture.platform.contacts()[0].id.clone();
    assert_eq!(200, fixture.post("inbound/messages", &by_phone("m-1")).await.status.as_u16());
    let first = contact().await;
    fixture.platform.delete_contact(&first);
    let answer = fixture.post("inbound/messages", &by_phone("m-2")).await;
    assert_eq!((200, json!(contact().await)), (answer.status.as_u16(), answer.body["contactId"].clone()));
    assert_ne!(first, contact().await);
    assert_eq!(2, fixture.platform.calls_of("inbound").len());
}

#[tokio::test]
async fn a_refusal_that_is_not_about_the_contact_is_passed_on() {
    let fixture = Fixture::start().await;
    assert_eq!(200, fixture.post("inbound/messages", &by_phone("m-1")).await.status.as_u16());
    fixture.platform.delete_contact("another");
    // In a process that remembers the contact, and in one that does not.
    fixture.platform.fail([Fault::Status(422)]);
    let answer = fixture.post("inbound/messages", &by_phone("m-2")).await;
    answer.assert_problem(422, "platform-refused");
    assert_eq!(1, fixture.platform.calls_of("upsert").len());
}

#[tokio::test]
async fn where_only_the_email_is_unique_the_contact_of_a_number_is_not_found_and_another_is_created() {
    let fixture = Fixture::start().await;
    fixture.platform.set_duplicates(DuplicateSetting::UniqueEmail);
    let known = Contact { id: "k-1".into(), phone: Some(PHONE.into()), ..Contact::default() };
    fixture.platform.add_contact(known);
    let answer = fixture.post("inbound/messages", &by_phone("m-1")).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    let [first, second] = &*fixture.platform.contacts() else { panic!("two contacts") };
    assert_eq!((PHONE, PHONE), (first.phone.as_deref().unwrap(), second.phone.as_deref().unwrap()));
    assert_eq!(json!(second.id), answer.body["contactId"]);
}

#[tokio::test]
async fn lost_answers_of_look_ups_make_one_contact_and_one_message() {
    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::ResponseLost]);
    let answer = fixture.post("inbound/messages", &by_phone("m-1")).await;
    assert_eq!(200, answer.status.as_u16(), "{:?}", answer.body);
    assert_eq!(
        vec!["search-duplicate", "search-duplicate", "upsert", "inbound"],
        operations(&fixture.platform.calls())
    );

    let fixture = Fixture::start().await;
    fixture.platform.fail([Fault::Status(503); 15]);
    let answer = fixture.post("inbound/messages", &by_phone("m-1")).await;
    answer.assert_problem(503, "unavailable");
    assert!(answer.retry_after.is_some() && fixture.platform.calls().is_empty(), "nothing was sent");
}
