//! Posts receipts to the platform, each once.

use crate::request::{BatchEntry, MalformedReceipt, Receipts, StatusReport};
use futures::{StreamExt, stream};
use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use shared::api::problem::{Problem, ProblemType};
use shared::api::{IdempotentOperation, KeyKind, OperationError, ReplayPolicy, Reply, RequestContext, RetrySafety};
use shared::ledger::{self, Lease, Ledger, Occurrence};
use shared::model::receipt::DeliveryReceipt;
use shared::platform::{Attempts, Platforms};
use std::collections::BTreeMap;

/// How many receipts of a batch are posted at once.
pub(crate) const CONCURRENCY: usize = 8;

pub(crate) struct Poster {
    ledger: Ledger,
    pub(crate) platforms: Platforms,
}

/// One item of a batch's response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchItem {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    status: u16,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Value>,
    #[serde(skip)]
    retryable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostOutcome {
    Posted,
    /// It is on the queue, and will be posted.
    Queued,
    AlreadyPosted,
    /// The platform has no such status: nothing was posted.
    Acknowledged,
}

impl BatchItem {
    pub(crate) fn new(
        context: &RequestContext,
        index: usize,
        report: &StatusReport,
        result: Result<PostOutcome, Problem>,
    ) -> Self {
        let message_id = Some(report.message_id().to_owned());
        match result {
            Ok(outcome) => Self {
                index,
                message_id,
                status: outcome.status().as_u16(),
                outcome: outcome.as_str(),
                problem: None,
                retryable: false,
            },
            Err(problem) => Self::failed(context, index, message_id, &problem),
        }
    }

    /// A malformed receipt is retryable, so that the batch's response is not stored, just as a 400 for a single receipt is not:
    /// the caller can correct it under the same key, and the others are not posted twice. Also, field names that the caller
    /// made up are not stored.
    fn failed(context: &RequestContext, index: usize, message_id: Option<String>, problem: &Problem) -> Self {
        Self {
            index,
            message_id,
            status: problem.status().as_u16(),
            outcome: "failed",
            // The response is stored.
            problem: Some(problem.without_platform_message().body(&context.request_id)),
            retryable: problem.problem_type != ProblemType::PlatformRefused,
        }
    }
}

impl PostOutcome {
    pub(crate) fn from_reply(reply: &Reply) -> Result<Self, Problem> {
        match (reply.replayed, reply.status.is_success()) {
            (false, _) => Ok(Self::Posted),
            (true, true) => Ok(Self::AlreadyPosted),
            (true, false) => Err(Problem::new(ProblemType::PlatformRefused, "This receipt failed before.")),
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Queued => StatusCode::ACCEPTED,
            // It need not be sent again.
            Self::Posted | Self::AlreadyPosted | Self::Acknowledged => StatusCode::OK,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Queued => "queued",
            Self::AlreadyPosted => "already-posted",
            Self::Acknowledged => "acknowledged",
        }
    }
}

impl Poster {
    pub(crate) fn new(ledger: Ledger, platforms: Platforms) -> Self {
        Self { ledger, platforms }
    }

    /// Answers a batch with 207 and an outcome for each receipt.
    pub(crate) async fn post(&self, context: &RequestContext, receipts: Receipts) -> Result<Reply, Problem> {
        let receipts = receipts.with_trace_id(context.trace_id.as_ref());
        match receipts.for_platform(context.integration.platform.name())? {
            Receipts::One(report) => {
                let outcome = self.post_one(context, &report).await?;
                Ok(Reply::ok(response(&report, outcome)))
            }
            Receipts::Batch(entries) => Ok(self.post_batch(context, entries).await),
        }
    }

    async fn post_batch(&self, context: &RequestContext, entries: Vec<BatchEntry>) -> Reply {
        let (reports, mut items) = well_formed(context, entries);
        let (together, rest) = if context.integration.platform.name().supports_receipt_batch() {
            self.post_in_one_call(context, reports).await
        } else {
            (Vec::new(), reports)
        };
        items.extend(together);
        let posting = stream::iter(by_message(rest).map(|reports| self.post_in_order(context, reports)));
        items.extend(posting.buffer_unordered(CONCURRENCY).concat().await);
        let retryable = items.iter().any(|item| item.retryable);
        Reply { retryable, ..Reply::new(StatusCode::MULTI_STATUS, batch_response(items)) }
    }

    async fn post_in_order(&self, context: &RequestContext, reports: Vec<(usize, StatusReport)>) -> Vec<BatchItem> {
        let mut items = Vec::new();
        for (index, report) in reports {
            let result = self.post_one(context, &report).await;
            items.push(BatchItem::new(context, index, &report, result));
        }
        items
    }

    async fn post_one(&self, context: &RequestContext, report: &StatusReport) -> Result<PostOutcome, Problem> {
        let StatusReport::Forward(receipt) = report else { return Ok(PostOutcome::Acknowledged) };
        check_deadline(context)?;
        let post = async |lease: &Lease| {
            let attempts = &Attempts::after(lease.event_time(), lease.may_be_repetition());
            let posting = context.call(|current| async move {
                self.platforms.post_receipt(&current.platform, receipt, attempts, context.deadline).await
            });
            posting.await.map_err(|error| OperationError {
                problem: error.into(),
                may_be_accepted: attempts.may_have_taken_effect(),
            })?;
            Ok(Reply::ok(Value::Null))
        };
        let occurrence = Occurrence { time: receipt.time, content: None };
        let posted = self.operation(&key(context, receipt)).execute_at(context, occurrence, post).await;
        PostOutcome::from_reply(&posted?)
    }

    pub(crate) fn operation<'o>(&'o self, key: &'o str) -> IdempotentOperation<'o> {
        IdempotentOperation {
            ledger: &self.ledger,
            key,
            key_kind: KeyKind::MessageId,
            fingerprint: None,
            retry_safety: RetrySafety::Idempotent,
            // Another part of the receipt may have caused a refusal: the corrected receipt has the same key.
            replay_policy: ReplayPolicy::SuccessOnly,
        }
    }
}

/// The reports of each message, in their order: those of different messages may be executed concurrently.
pub(crate) fn by_message(reports: Vec<(usize, StatusReport)>) -> impl Iterator<Item = Vec<(usize, StatusReport)>> {
    let mut by_message: BTreeMap<String, Vec<(usize, StatusReport)>> = BTreeMap::new();
    for (index, report) in reports {
        by_message.entry(report.message_id().to_owned()).or_default().push((index, report));
    }
    by_message.into_values()
}

/// The receipts of a batch that can be posted, and the response's items of the others.
pub(crate) fn well_formed(
    context: &RequestContext,
    entries: Vec<BatchEntry>,
) -> (Vec<(usize, StatusReport)>, Vec<BatchItem>) {
    let (mut reports, mut items) = (Vec::new(), Vec::new());
    for BatchEntry { index, report } in entries {
        match report {
            Ok(report) => reports.push((index, report)),
            Err(MalformedReceipt { message_id, problem }) => {
                items.push(BatchItem::failed(context, index, message_id, &problem));
            }
        }
    }
    if !items.is_empty() {
        tracing::warn!(malformed = items.len(), "receipts of a batch are malformed");
    }
    (reports, items)
}

pub(crate) fn batch_response(mut items: Vec<BatchItem>) -> Value {
    items.sort_by_key(|item| item.index);
    json!({ "receipts": items })
}

/// The receipt's key in the ledger.
pub(crate) fn key(context: &RequestContext, receipt: &DeliveryReceipt) -> String {
    let integration = &context.integration.name;
    ledger::key::receipt(integration, &receipt.deduplication_id(integration))
}

/// # Errors
/// No time is left for one more receipt.
pub(crate) fn check_deadline(context: &RequestContext) -> Result<(), Problem> {
    if context.has_time_for_one_more() {
        Ok(())
    } else {
        Err(Problem::unavailable("There was no time left for this receipt."))
    }
}

pub(crate) fn response(report: &StatusReport, outcome: PostOutcome) -> Value {
    json!({ "messageId": report.message_id(), "status": outcome.status().as_u16(), "outcome": outcome.as_str() })
}
