//! The receipts of a batch in one call, for platforms that have such a call. In the ledger each stands for itself.

use crate::poster::{CONCURRENCY, Element, Posted, Poster, in_time, key};
use crate::request::Report;
use futures::{StreamExt, stream};
use serde_json::Value;
use shared::api::problem::Problem;
use shared::api::{Begun, Reply, SenderRequest};
use shared::model::receipt::DeliveryReceipt;
use shared::platform::ApiError;
use std::collections::BTreeSet;

/// A receipt that may go into the call.
struct Candidate {
    index: usize,
    receipt: DeliveryReceipt,
    key: String,
}

impl Poster {
    /// Posts together what can be, and returns what is still to be posted one by one: what needs no call, what comes
    /// twice in the batch, and all, where the platform refuses them together. That says nothing of each.
    pub(crate) async fn post_together(
        &self,
        request: &SenderRequest,
        reports: Vec<(usize, Report)>,
    ) -> (Vec<Element>, Vec<(usize, Report)>) {
        let (candidates, mut rest) = candidates(request, reports);
        let claims = stream::iter(candidates).map(|candidate| async {
            let begun = match in_time(request) {
                Ok(()) => self.once(&candidate.key).begin(request).await,
                Err(problem) => Err(problem),
            };
            (candidate, begun)
        });
        let claims: Vec<_> = claims.buffered(CONCURRENCY).collect().await;

        let (mut elements, mut ours) = (Vec::new(), Vec::new());
        for (candidate, begun) in claims {
            match begun {
                Ok(Begun::Ours(claim)) => ours.push((candidate, claim)),
                Ok(Begun::Done(reply)) => elements.push(candidate.element(request, Posted::of(&reply))),
                Err(problem) => elements.push(candidate.element(request, Err(problem))),
            }
        }
        let receipts: Vec<_> = ours.iter().map(|(candidate, _)| &candidate.receipt).collect();
        if receipts.is_empty() {
            return (elements, rest);
        }
        let receipts = &receipts;
        let posting = request.call(|current| async move {
            self.platforms.post_receipts(&current.platform, receipts, request.deadline).await
        });
        let posted = posting.await;
        let refused_together = receipts.len() > 1 && matches!(posted, Err(ApiError::Refused(_)));
        let result = match posted {
            Ok(()) => Ok(Reply::ok(Value::Null)),
            // With this the ledger gives the keys back.
            Err(_) if refused_together => Err(Problem::unavailable("The receipts were refused together.")),
            Err(error) => Err(error.into()),
        };
        let recorded = stream::iter(&ours).for_each_concurrent(CONCURRENCY, |(candidate, claim)| {
            let (once, result) = (self.once(&candidate.key), &result);
            async move { once.end(claim, result, &request.request_id).await }
        });
        recorded.await;
        for (candidate, _) in ours {
            if refused_together {
                rest.push((candidate.index, Report::Told(candidate.receipt)));
            } else {
                elements.push(candidate.element(request, result.clone().and_then(|reply| Posted::of(&reply))));
            }
        }
        rest.sort_by_key(|(index, _)| *index);
        (elements, rest)
    }
}

impl Candidate {
    fn element(self, request: &SenderRequest, posted: Result<Posted, Problem>) -> Element {
        Element::new(request, self.index, &Report::Told(self.receipt), posted)
    }
}

/// The first of each receipt, and the rest.
fn candidates(request: &SenderRequest, reports: Vec<(usize, Report)>) -> (Vec<Candidate>, Vec<(usize, Report)>) {
    let (mut candidates, mut rest, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (index, report) in reports {
        match report {
            Report::Told(receipt) => {
                let key = key(request, &receipt);
                if seen.insert(key.clone()) {
                    candidates.push(Candidate { index, receipt, key });
                } else {
                    rest.push((index, Report::Told(receipt)));
                }
            }
            underway @ Report::Untold { .. } => rest.push((index, underway)),
        }
    }
    (candidates, rest)
}
