//! From the platform to the messaging service: webhooks and their deliveries.

use crate::{CUSTOMER, INTEGRATION_ID, text};
use serde_json::Value;
use std::collections::BTreeSet;
use tests::harness::stack::{Stack, TestIntegration};
use tests::simulators::genesys_cloud::{ApiResponse, BROKEN, DOCUMENTATION, Sample, WIRE, Webhook};

/// How often a webhook that is answered 503 is posted again.
const REPEATS: usize = 3;

/// The expected result of a webhook.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Expected {
    Delivered,
    DeliveredOnce,
    Refused(u16),
}

/// One line of the table.
pub(crate) struct Row {
    what: String,
    webhook: Webhook,
    expected: Expected,
    answer: ApiResponse,
}

/// Posts a sample of every kind, and webhooks that must not be delivered.
pub(crate) async fn post_all(stack: &Stack, integration: &TestIntegration) -> Vec<Row> {
    let fill = |sample: &Sample| sample.fill(INTEGRATION_ID, CUSTOMER);
    let wire = WIRE.iter().map(|sample| (sample.name.to_owned(), fill(sample), Expected::Delivered));
    let documentation = DOCUMENTATION
        .iter()
        .map(|sample| (format!("{} (documentation)", sample.name), fill(sample), Expected::Delivered));
    let text = fill(&WIRE[0]);
    let further = [
        ("text".to_owned(), text.clone(), Expected::DeliveredOnce),
        ("the same text again".to_owned(), text.clone(), Expected::DeliveredOnce),
        (
            "forged signature".to_owned(),
            fill(&WIRE[0]).signed_with("not-the-integrations-secret"),
            Expected::Refused(401),
        ),
        ("no signature".to_owned(), Webhook { signature: None, ..fill(&WIRE[0]) }, Expected::Refused(401)),
        ("broken JSON (documentation)".to_owned(), fill(&BROKEN[0]), Expected::Refused(400)),
        (
            "of another integration".to_owned(),
            WIRE[0].fill("00000000-0000-0000-0000-000000000000", CUSTOMER),
            Expected::Refused(403),
        ),
        ("too large".to_owned(), Webhook::new("x".repeat(1_000_001)), Expected::Refused(413)),
    ];
    let mut rows = Vec::new();
    for (what, webhook, expected) in wire.chain(documentation).chain(further) {
        let mut answer = webhook.post(stack, integration).await;
        // As the platform does. On a busy machine the emulated AWS may take longer than the functions wait.
        for _ in 0..REPEATS {
            if answer.status.as_u16() == 503 {
                answer = webhook.post(stack, integration).await;
            }
        }
        rows.push(Row { what, webhook, expected, answer });
    }
    rows
}

impl Row {
    fn deliveries<'d>(&self, deliveries: &'d [Value]) -> Vec<&'d Value> {
        let Ok(sent) = serde_json::from_slice::<Value>(&self.webhook.body) else { return Vec::new() };
        deliveries.iter().filter(|delivery| delivery.pointer("/delivery/data/original") == Some(&sent)).collect()
    }

    pub(crate) fn as_expected(&self, deliveries: &[Value]) -> bool {
        let arrived = self.deliveries(deliveries).len();
        match self.expected {
            Expected::Delivered | Expected::DeliveredOnce => self.answer.status == 200 && arrived == 1,
            Expected::Refused(status) => self.answer.status == status && arrived == 0,
        }
    }
}

pub(crate) fn unique_ids(deliveries: &[Value]) -> BTreeSet<&str> {
    deliveries.iter().filter_map(|delivery| delivery.get("webhookId")?.as_str()).collect()
}

pub(crate) fn print_table(rows: &[Row], deliveries: &[Value]) -> bool {
    println!("\n  {:<29} {:<9} {:<25} refused because", "sent", "response", "delivered");
    println!("  {}", "─".repeat(110));
    let mut good = true;
    for row in rows {
        let arrived = row.deliveries(deliveries);
        let delivered = match arrived.first() {
            Some(delivery) => {
                let count = if arrived.len() == 1 { "once" } else { "more than once" };
                format!("{}, {count}", text(delivery, "/delivery/type"))
            }
            None => "—".to_owned(),
        };
        let note = text(&row.answer.body, "/detail");
        let mark = if row.as_expected(deliveries) { "✓" } else { "✗" };
        good &= row.as_expected(deliveries);
        println!("{mark} {:<29} {:<9} {delivered:<25} {note}", row.what, row.answer.status.as_u16());
    }
    println!();
    good
}
