//! The deliveries to the sample messaging service.

use crate::inbound::Row;
use serde_json::Value;
use std::time::{Duration, Instant};
use tests::harness::sample_service::SampleService;

/// Waits until all expected deliveries have arrived, and returns all deliveries.
pub(crate) async fn deliveries(service: &SampleService, rows: &[Row]) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let deliveries = service.deliveries().await;
        if rows.iter().all(|row| row.as_expected(&deliveries)) || started.elapsed() > crate::WAIT_TIMEOUT {
            return deliveries;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
