//! Posts receipts, each once.

use crate::request::{BatchEntry, Malformed, Receipts, Report};
use futures::{StreamExt, stream};
use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Keeps, Once, Repeats, Reply, SenderRequest};
use shared::ledger::{self, Ledger};
use shared::model::receipt::DeliveryReceipt;
use shared::platform::Platforms;
use std::collections::BTreeMap;

/// How many receipts of a batch are posted at the same time.
pub(crate) const CONCURRENCY: usize = 8;
/// The status of a receipt that needs nothing more.
const POSTED: u16 = 200;

/// Posts receipts to the platforms.
pub(crate) struct Poster {
    ledger: Ledger,
    pub(crate) platforms: Platforms,
}

/// One element of a batch's answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Element {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    status: u16,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Value>,
    #[serde(skip)]
    may_come_again: bool,
}

/// What came of one receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    /// The platform has it.
    Now,
    /// The platform had it already.
    Before,
    /// There is nothing to post: the platform has no word for it.
    Acknowledged,
}

impl Element {
    pub(crate) fn new(request: &SenderRequest, index: usize, report: &Report, posted: Result<Posted, Problem>) -> Self {
        let message_id = Some(report.message_id().to_owned());
        match posted {
            Ok(posted) => {
                let (status, outcome) = (POSTED, posted.as_str());
                Self { index, message_id, status, outcome, problem: None, may_come_again: false }
            }
            Err(problem) => Self::failed(request, index, message_id, &problem),
        }
    }

    /// A malformed one gives the key back, as a 400 for a single receipt leaves it unused: the caller may correct it under the
    /// same key, the others are not posted twice, and no name of a field that a caller made up is kept.
    fn failed(request: &SenderRequest, index: usize, message_id: Option<String>, problem: &Problem) -> Self {
        Self {
            index,
            message_id,
            status: problem.status().as_u16(),
            outcome: "failed",
            // The answer is kept for the idempotency key, so it holds none of the platform's words.
            problem: Some(problem.without_words().body(&request.request_id)),
            may_come_again: problem.problem_type != ProblemType::PlatformRefused,
        }
    }
}

impl Posted {
    /// What the reply to one receipt says.
    pub(crate) fn of(reply: &Reply) -> Result<Self, Problem> {
        match (reply.replayed, reply.status.is_success()) {
            (false, _) => Ok(Self::Now),
            (true, true) => Ok(Self::Before),
            (true, false) => Err(Problem::new(ProblemType::PlatformRefused, "This receipt has failed before.")),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Now => "posted",
            Self::Before => "already-posted",
            Self::Acknowledged => "acknowledged",
        }
    }
}

impl Poster {
    pub(crate) fn new(ledger: Ledger, platforms: Platforms) -> Self {
        Self { ledger, platforms }
    }

    /// Posts what came. One receipt answers for itself; a batch answers 207 with an outcome for each.
    pub(crate) async fn post(&self, request: &SenderRequest, receipts: Receipts) -> Result<Reply, Problem> {
        match receipts.told_to(request.integration.platform.name()) {
            Receipts::One(report) => {
                let posted = self.post_one(request, &report).await?;
                Ok(Reply::ok(outcome(&report, posted)))
            }
            Receipts::Batch(elements) => Ok(self.post_batch(request, elements).await),
        }
    }

    async fn post_batch(&self, request: &SenderRequest, elements: Vec<BatchEntry>) -> Reply {
        let (mut reports, mut outcomes) = (Vec::new(), Vec::new());
        for BatchEntry { index, report } in elements {
            match report {
                Ok(report) => reports.push((index, report)),
                Err(Malformed { message_id, problem }) => {
                    outcomes.push(Element::failed(request, index, message_id, &problem));
                }
            }
        }
        if !outcomes.is_empty() {
            let (request_id, integration) = (&request.request_id, request.integration.name.as_str());
            tracing::warn!(request_id, integration, malformed = outcomes.len(), "receipts of a batch are malformed");
        }
        let (together, rest) = if request.integration.platform.name().supports_receipt_batch() {
            self.post_together(request, reports).await
        } else {
            (Vec::new(), reports)
        };
        outcomes.extend(together);
        outcomes.extend(self.post_one_by_one(request, rest).await);
        outcomes.sort_by_key(|outcome| outcome.index);
        let incomplete = outcomes.iter().any(|outcome| outcome.may_come_again);
        Reply { incomplete, ..Reply::new(StatusCode::MULTI_STATUS, json!({ "receipts": outcomes })) }
    }

    /// Posts each in a call of its own: those of one message one after the other, as they stand; those of others side by
    /// side.
    async fn post_one_by_one(&self, request: &SenderRequest, reports: Vec<(usize, Report)>) -> Vec<Element> {
        let mut by_message: BTreeMap<String, Vec<(usize, Report)>> = BTreeMap::new();
        for (index, report) in reports {
            by_message.entry(report.message_id().to_owned()).or_default().push((index, report));
        }
        let outcomes = stream::iter(by_message.into_values().map(|reports| self.outcomes_of(request, reports)));
        outcomes.buffer_unordered(CONCURRENCY).concat().await
    }

    /// The elements of a batch's answer for one message.
    async fn outcomes_of(&self, request: &SenderRequest, reports: Vec<(usize, Report)>) -> Vec<Element> {
        let mut outcomes = Vec::new();
        for (index, report) in reports {
            let posted = self.post_one(request, &report).await;
            outcomes.push(Element::new(request, index, &report, posted));
        }
        outcomes
    }

    async fn post_one(&self, request: &SenderRequest, report: &Report) -> Result<Posted, Problem> {
        let Report::Told(receipt) = report else { return Ok(Posted::Acknowledged) };
        in_time(request)?;
        let posting = async {
            let posting = request.call(|current| async move {
                self.platforms.post_receipt(&current.platform, receipt, request.deadline).await
            });
            posting.await?;
            Ok(Reply::ok(Value::Null))
        };
        Posted::of(&self.once(&key(request, receipt)).run(request, posting).await?)
    }

    /// The posting of the receipt that this key stands for.
    pub(crate) fn once<'o>(&'o self, key: &'o str) -> Once<'o> {
        Once {
            ledger: &self.ledger,
            key,
            fingerprint: None,
            // A receipt may be posted twice without harm, so that an unknown outcome may be tried again.
            repeats: Repeats::Harmless,
            // A refusal may be the fault of what else the receipt says: a right one, and our own, must not be taken for it.
            keeps: Keeps::Success,
        }
    }
}

/// What stands for a receipt in the ledger.
pub(crate) fn key(request: &SenderRequest, receipt: &DeliveryReceipt) -> String {
    ledger::key::receipt(&request.integration.name, receipt)
}

/// Whether there is time to begin with one more receipt.
///
/// # Errors
/// There is none.
pub(crate) fn in_time(request: &SenderRequest) -> Result<(), Problem> {
    if request.has_time_for_one_more() {
        Ok(())
    } else {
        Err(Problem::unavailable("No time was left for this receipt."))
    }
}

fn outcome(report: &Report, posted: Posted) -> Value {
    json!({ "messageId": report.message_id(), "status": POSTED, "outcome": posted.as_str() })
}
