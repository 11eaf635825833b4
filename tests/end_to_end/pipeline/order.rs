//! Exactly one delivery per message, in order.

use crate::observability::logs::{log_lines, log_with};
use futures::future::join_all;
use shared::delivery::envelope::Envelope;
use shared::platform::PlatformName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::harness::dispatchers::{AT_ONCE, HoldingService, of, repeats};
use tests::harness::stack::{DISPATCHERS, Stack, TestIntegration};
use tests::simulators::genesys_cloud::{self, Webhook};
use tests::simulators::messaging_service::{Attempt, MessagingService, Reply};
use uuid::Uuid;

/// The same customer's next message arrives after all copies.
async fn only_once_before_the_next(stack: &Stack, service: &MessagingService, integration: &TestIntegration) {
    let next = genesys_cloud::text(integration, "c", "the next");
    next.accepted(stack, integration).await;
    service.wait_for(&next.id()).await;
    let texts: Vec<_> = service.attempts().iter().map(|attempt| attempt.text().to_owned()).collect();
    assert_eq!(vec!["only once", "the next"], texts);
}

#[tokio::test]
async fn fifty_concurrent_copies_of_one_webhook_are_delivered_once() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let webhook = genesys_cloud::text(&integration, "c", "only once");
    join_all((0..50).map(|_| webhook.accepted(&stack, &integration))).await;
    only_once_before_the_next(&stack, &service, &integration).await;
}

#[tokio::test]
async fn a_copy_that_passes_the_queue_is_dropped_by_the_ledger() {
    let stack = Stack::connect().await;
    let service = MessagingService::start().await;
    let integration = stack.integration(&service.url, |_| {}).await;
    let webhook = genesys_cloud::text(&integration, "c", "only once");
    webhook.accepted(&stack, &integration).await;
    service.wait_for(&webhook.id()).await;
    enqueue_copy(&stack, &integration, &webhook, None).await;
    only_once_before_the_next(&stack, &service, &integration).await;
}

#[tokio::test]
async fn six_concurrent_dispatchers_keep_each_customers_order() {
    const MESSAGES: usize = 15;
    let _permit = DISPATCHERS.acquire().await;
    let stack = Stack::connect().await;
    let holding = HoldingService::with_handler(|_, _| Reply::status(200)).await;
    let integration = stack.integration(&holding.service.url, |_| {}).await;
    let held = holding.occupy(&stack, &integration, async |_| {}).await;
    holding.answer();
    join_all(held.iter().map(|(customer, _)| async {
        for number in 1..MESSAGES {
            genesys_cloud::text(&integration, customer, &number.to_string()).accepted(&stack, &integration).await;
        }
    }))
    .await;
    let all = |attempts: &[Attempt], customer: &str| of(attempts, customer).count() >= MESSAGES;
    let attempts =
        holding.service.wait_until(|attempts| held.iter().all(|(customer, _)| all(attempts, customer))).await;
    for (customer, _) in &held {
        assert_eq!(0, repeats(&attempts, customer, MESSAGES), "{customer}");
    }
    // Each message that was held at that moment is logged by another invocation.
    let ids: Vec<_> = held.iter().map(|(customer, _)| of(&attempts, customer).next().unwrap().id.clone()).collect();
    let delivered: Vec<_> = ids.iter().map(|id| ("\"outcome\":\"delivered\"", id.as_str())).collect();
    log_with(integration.name.as_str(), &delivered).await;
    let lines = log_lines();
    let lines = lines
        .iter()
        .filter(|line| line["outcome"] == "delivered" && ids.iter().any(|id| line["webhook_id"] == id.as_str()));
    let invocations: BTreeSet<_> = lines.map(|line| line["request_id"].to_string()).collect();
    assert_eq!(AT_ONCE, invocations.len());
}

#[tokio::test]
async fn six_concurrent_dispatchers_deliver_no_copy_of_another_dispatchers_message() {
    let _permit = DISPATCHERS.acquire().await;
    let stack = Stack::connect().await;
    let holding = HoldingService::with_handler(|_, _| Reply::status(200)).await;
    let integration = stack.integration(&holding.service.url, |_| {}).await;
    // In separate groups, so that the queue gives the copies to other dispatchers at the same time.
    let held = holding
        .occupy(&stack, &integration, async |held| {
            join_all(
                held.iter().map(|(customer, webhook)| enqueue_copy(&stack, &integration, webhook, Some(customer))),
            )
            .await;
            let ids: Vec<_> = held.iter().map(|(_, webhook)| webhook.id()).collect();
            let busy: Vec<_> = ids.iter().map(|id| (id.as_str(), "another worker has the lease")).collect();
            log_with(integration.name.as_str(), &busy).await;
        })
        .await;
    holding.answer();
    join_all(held.iter().map(|(customer, webhook)| async {
        enqueue_copy(&stack, &integration, webhook, None).await;
        let next = genesys_cloud::text(&integration, customer, "1");
        next.accepted(&stack, &integration).await;
        holding.service.wait_for(&next.id()).await;
    }))
    .await;
    let attempts = holding.service.attempts();
    for (customer, _) in &held {
        assert_eq!(0, repeats(&attempts, customer, 2), "{customer}");
    }
}

/// Sends the message to the queue again, as a repeat after the five minutes of SQS deduplication. It goes to its own
/// group by default.
async fn enqueue_copy(stack: &Stack, integration: &TestIntegration, webhook: &Webhook, group: Option<&str>) {
    let envelope =
        Envelope::new(integration.name.clone(), PlatformName::GenesysCloud, jiff::Timestamp::now(), &webhook.body)
            .unwrap();
    let own = envelope.message().unwrap().ordering_group(&integration.name);
    stack
        .sqs
        .send_message()
        .queue_url(&stack.queue_url)
        .message_group_id(group.unwrap_or(own.as_str()))
        .message_deduplication_id(Uuid::new_v4().to_string())
        .message_body(envelope.to_json().unwrap())
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn ten_customers_messages_arrive_in_order_while_one_customers_deliveries_fail_and_recover() {
    const CUSTOMERS: usize = 10;
    const MESSAGES: usize = 20;
    let stack = Stack::connect().await;
    let failures = AtomicUsize::new(0);
    let service = MessagingService::with_handler(move |attempt, _| {
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
