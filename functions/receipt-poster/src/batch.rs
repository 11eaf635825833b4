//! The receipts of a batch in one call, for platforms that have such a call. Each receipt has its own item in the ledger.

use crate::poster::{BatchItem, CONCURRENCY, PostOutcome, Poster, check_deadline, key};
use crate::request::StatusReport;
use futures::{StreamExt, stream};
use serde_json::Value;
use shared::api::problem::Problem;
use shared::api::{Begin, Reply, RequestContext};
use shared::model::receipt::DeliveryReceipt;
use shared::platform::ApiError;
use std::collections::BTreeSet;

/// A receipt that can be part of the call.
struct Candidate {
    index: usize,
    receipt: DeliveryReceipt,
    key: String,
}

impl Poster {
    /// Posts what it can in one call, and returns the reports that are still to be posted one by one: those that need no call,
    /// duplicates within the batch, and all of them if the platform refuses the call, which says nothing about each receipt.
    pub(crate) async fn post_in_one_call(
        &self,
        context: &RequestContext,
        reports: Vec<(usize, StatusReport)>,
    ) -> (Vec<BatchItem>, Vec<(usize, StatusReport)>) {
        let (candidates, mut rest) = candidates(context, reports);
        let begins = stream::iter(candidates).map(|candidate| async {
            let begin = match check_deadline(context) {
                Ok(()) => self.operation(&candidate.key).begin(context).await,
                Err(problem) => Err(problem),
            };
            (candidate, begin)
        });
        let begins: Vec<_> = begins.buffered(CONCURRENCY).collect().await;

        let (mut items, mut acquired) = (Vec::new(), Vec::new());
        for (candidate, begin) in begins {
            match begin {
                Ok(Begin::Acquired(lease)) => acquired.push((candidate, lease)),
                Ok(Begin::Replay(reply)) => items.push(candidate.item(context, PostOutcome::from_reply(&reply))),
                Err(problem) => items.push(candidate.item(context, Err(problem))),
            }
        }
        let receipts: Vec<_> = acquired.iter().map(|(candidate, _)| &candidate.receipt).collect();
        if receipts.is_empty() {
            return (items, rest);
        }
        let receipts = &receipts;
        let posting = context.call(|current| async move {
            self.platforms.post_receipts(&current.platform, receipts, context.deadline).await
        });
        let posted = posting.await;
        let refused_as_a_whole = receipts.len() > 1 && matches!(posted, Err(ApiError::Refused(_)));
        let result = match posted {
            Ok(()) => Ok(Reply::ok(Value::Null)),
            // This releases the leases.
            Err(_) if refused_as_a_whole => Err(Problem::unavailable("The platform refused the batch as a whole.")),
            Err(error) => Err(error.into()),
        };
        let recorded = stream::iter(&acquired).for_each_concurrent(CONCURRENCY, |(candidate, lease)| {
            let (operation, result) = (self.operation(&candidate.key), &result);
            async move { operation.complete(lease, result, &context.request_id).await }
        });
        recorded.await;
        for (candidate, _) in acquired {
            if refused_as_a_whole {
                rest.push((candidate.index, StatusReport::Forward(candidate.receipt)));
            } else {
                items.push(candidate.item(context, result.clone().and_then(|reply| PostOutcome::from_reply(&reply))));
            }
        }
        rest.sort_by_key(|(index, _)| *index);
        (items, rest)
    }
}

impl Candidate {
    fn item(self, context: &RequestContext, result: Result<PostOutcome, Problem>) -> BatchItem {
        BatchItem::new(context, self.index, &StatusReport::Forward(self.receipt), result)
    }
}

/// The first occurrence of each receipt, and the rest.
fn candidates(
    context: &RequestContext,
    reports: Vec<(usize, StatusReport)>,
) -> (Vec<Candidate>, Vec<(usize, StatusReport)>) {
    let (mut candidates, mut rest, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (index, report) in reports {
        match report {
            StatusReport::Forward(receipt) => {
                let key = key(context, &receipt);
                if seen.insert(key.clone()) {
                    candidates.push(Candidate { index, receipt, key });
                } else {
                    rest.push((index, StatusReport::Forward(receipt)));
                }
            }
            acknowledged @ StatusReport::AcknowledgeOnly { .. } => rest.push((index, acknowledged)),
        }
    }
    (candidates, rest)
}
