//! Once, and in order.

use futures::future::join_all;
use shared::envelope::Envelope;
use shared::platform::PlatformName;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::genesys_cloud;
use tests::messaging_service::{MessagingService, Reply};
use tests::stack::Stack;

#[tokio::test]
async fn fifty_concurrent_copies_of_one_webhook_are_delivered_once() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let webhook = genesys_cloud::text(&integration, "c", "only once");
    join_all((0..50).map(|_| webhook.accepted(&stack, &integration))).await;
    // The same customer's next message comes after all copies.
    let next = genesys_cloud::text(&integration, "c", "the next");
    next.accepted(&stack, &integration).await;
    service.wait_for(&next.id()).await;
    let texts: Vec<_> = service.attempts().iter().map(|attempt| attempt.text().to_owned()).collect();
    assert_eq!(vec!["only once", "the next"], texts);
}

#[tokio::test]
async fn a_copy_that_the_queue_lets_through_is_stopped_by_the_ledger() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let webhook = genesys_cloud::text(&integration, "c", "only once");
    webhook.accepted(&stack, &integration).await;
    service.wait_for(&webhook.id()).await;
    // As if the platform sent it again after the five minutes for which the queue remembers.
    let envelope =
        Envelope::new(integration.name.clone(), PlatformName::GenesysCloud, jiff::Timestamp::now(), &webhook.body)
            .unwrap();
    let group = envelope.message().unwrap().group(&integration.name);
    stack
        .sqs
        .send_message()
        .queue_url(&stack.queue_url)
        .message_group_id(group.as_str())
        .message_deduplication_id("another")
        .message_body(envelope.to_queue().unwrap())
        .send()
        .await
        .unwrap();
    let next = genesys_cloud::text(&integration, "c", "the next");
    next.accepted(&stack, &integration).await;
    service.wait_for(&next.id()).await;
    let texts: Vec<_> = service.attempts().iter().map(|attempt| attempt.text().to_owned()).collect();
    assert_eq!(vec!["only once", "the next"], texts);
}

#[tokio::test]
async fn ten_customers_messages_arrive_in_order_while_one_customers_deliveries_fail_and_recover() {
    const CUSTOMERS: usize = 10;
    const MESSAGES: usize = 20;
    let stack = Stack::connect().await;
    let failures = AtomicUsize::new(0);
    let service = MessagingService::behaving(move |attempt, _| {
        let unlucky = attempt.customer() == "customer-3" && attempt.text() == "5";
        let fails = unlucky && failures.fetch_add(1, Ordering::SeqCst) < 3;
        Reply::status(if fails { 503 } else { 200 })
    })
    .await;
    let integration = stack.integration(&service.url, |_| {}).await;
    join_all((0..CUSTOMERS).map(|customer| {
        let (stack, integration) = (&stack, &integration);
        async move {
            for number in 0..MESSAGES {
                let webhook = genesys_cloud::text(integration, &format!("customer-{customer}"), &number.to_string());
                webhook.accepted(stack, integration).await;
            }
        }
    }))
    .await;
    service
        .wait_until(|attempts| {
            attempts.iter().filter(|attempt| attempt.answered.is_success()).count() >= CUSTOMERS * MESSAGES
        })
        .await;
    let mut by_customer: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for attempt in service.accepted() {
        by_customer.entry(attempt.customer().to_owned()).or_default().push(attempt.text().to_owned());
    }
    let in_order: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(CUSTOMERS, by_customer.len());
    for (customer, texts) in by_customer {
        assert_eq!(in_order, texts, "{customer}");
    }
    assert_eq!(CUSTOMERS * MESSAGES + 3, service.attempts().len(), "only the failed attempts were repeated");
}
