//! Whose a conversation is.

use super::fixture::{Story, types};
use crate::single_function::SingleFunction;
use jiff::Timestamp;
use serde_json::json;
use shared::ledger::{Channel, ConversationOwner};
use shared::model::conversation::CustomerAddress;
use shared::model::message::IdType;
use shared::platform::PlatformName;
use tests::simulators::messaging_service::MessagingService;
use uuid::Uuid;

#[tokio::test]
async fn an_integration_that_is_connected_again_under_another_name_gets_the_events_of_its_conversations() {
    let story = Story::start().await;
    story.agent_writes().await;
    let (name, service) = (format!("test-{}", Uuid::new_v4()), MessagingService::start().await);
    let id = &story.integration.integration_id;
    let integration = story.stack.integration_named(&name, id, &service.url, |_| {}).await;
    let Story { service: former, .. } = &story;
    let again = Story {
        stack: story.stack.clone(),
        service,
        integration,
        source: story.source.clone(),
        conversation_id: story.conversation_id.clone(),
        customer: story.customer.clone(),
    };
    again.agent_writes().await;
    again.source.put(&[again.source.event("user.start", &again.session(), Timestamp::now(), &json!({}))]).await;
    assert_eq!(vec!["agent.joined"], types(&again.events(1).await));
    assert_eq!(1, former.attempts().len());
}

#[tokio::test]
async fn an_integration_cannot_take_the_conversation_of_another_one() {
    let story = Story::start().await;
    story.agent_writes().await;
    let intruder = Story { conversation_id: story.conversation_id.clone(), ..Story::start().await };
    intruder.agent_writes().await;
    story.source.put(&[story.source.event("user.start", &story.session(), Timestamp::now(), &json!({}))]).await;
    assert_eq!(vec!["agent.joined"], types(&story.events(1).await));
    let to_intruder = intruder.service.accepted();
    assert!(to_intruder.iter().all(|attempt| attempt.body["type"] == "message.text"), "{to_intruder:?}");
}

#[tokio::test]
async fn the_owner_of_a_conversation_changes_only_within_its_channel_and_as_a_whole() {
    let story = Story::start().await;
    let (ledger, now) = (story.stack.ledger(), Timestamp::now());
    let owner = |integration: &str, id: &str, id_type: Option<IdType>| {
        let customer = CustomerAddress { id: id.to_owned(), id_type };
        ConversationOwner { integration: integration.parse().unwrap(), customer }
    };
    let (first, other) = (owner("first", "ada", Some(IdType::Email)), owner("other", "eve", Some(IdType::Email)));
    let renamed = owner("renamed", "ada-2", None);
    let channel = |id| Channel { platform: PlatformName::GenesysCloud, id };
    for (id, set, expected) in
        [("c-1", &first, &first), ("c-2", &other, &first), ("c-1", &renamed, &renamed), ("C-1", &first, &first)]
    {
        ledger.set_conversation_owner(channel(id), &story.conversation_id, set, now).await.unwrap();
        let found = ledger.conversation_owner(PlatformName::GenesysCloud, &story.conversation_id).await.unwrap();
        assert_eq!(Some(expected), found.as_ref());
    }
}

/// The keys that the dispatcher writes for two messages of a conversation, beside those of the deliveries.
async fn owners_written(environment: &[(&str, &str)]) -> Vec<String> {
    let service = MessagingService::start().await;
    let dispatcher = SingleFunction::with_environment(service, "message-dispatcher", environment).await;
    for _ in 0..2 {
        assert!(dispatcher.dispatch(&dispatcher.text()).await.is_empty());
    }
    let calls = dispatcher.aws.take_calls().into_iter().filter(|call| call.operation == "UpdateItem");
    let keys = calls.map(|call| call.input["Key"]["key"]["S"].as_str().unwrap().to_owned());
    let mut keys: Vec<_> = keys.filter(|key| !key.starts_with("delivery#")).collect();
    keys.iter_mut().for_each(|key| key.truncate(key.find('#').unwrap()));
    keys.sort();
    keys
}

#[tokio::test]
async fn a_process_writes_whose_a_conversation_is_once_and_only_with_an_event_source() {
    assert_eq!(vec!["channel", "conversation"], owners_written(&[("CONVERSATION_EVENTS", "on")]).await);
    assert_eq!(Vec::<String>::new(), owners_written(&[]).await);
}
