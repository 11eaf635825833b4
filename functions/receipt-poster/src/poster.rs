//! Posts receipts, each once.

use crate::request::{Receipts, Report};
use futures::{StreamExt, stream};
use lambda_http::http::StatusCode;
use serde_json::{Value, json};
use shared::ledger::Ledger;
use shared::platform::Platforms;
use shared::problem::{Problem, ProblemType};
use shared::sender::{Keeps, Once, Repeats, Reply, SenderRequest};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How many receipts of a batch are posted at the same time.
const CONCURRENCY: usize = 8;
/// What must be left of the time for a receipt to be begun.
const TIME_FOR_ONE: Duration = Duration::from_secs(3);

/// Posts receipts to the platforms.
pub(crate) struct Poster {
    ledger: Ledger,
    platforms: Platforms,
}

/// One element of a batch's answer.
struct Element {
    index: usize,
    body: Value,
    may_come_again: bool,
}

/// What came of one receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Posted {
    /// The platform has it.
    Now,
    /// The platform had it already.
    Before,
    /// There is nothing to post: the message is on its way.
    Acknowledged,
}

impl Posted {
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
        match receipts {
            Receipts::One(report) => {
                let posted = self.post_one(request, &report).await?;
                Ok(Reply::ok(outcome(&report, posted)))
            }
            Receipts::Batch(reports) => {
                // Those of one message one after the other, as they stand; those of others side by side.
                let mut by_message: BTreeMap<String, Vec<(usize, Report)>> = BTreeMap::new();
                for (index, report) in reports.into_iter().enumerate() {
                    by_message.entry(report.message_id().to_owned()).or_default().push((index, report));
                }
                let outcomes = stream::iter(by_message.into_values().map(|reports| self.outcomes_of(request, reports)));
                let mut outcomes = outcomes.buffer_unordered(CONCURRENCY).concat().await;
                outcomes.sort_by_key(|outcome| outcome.index);
                let incomplete = outcomes.iter().any(|outcome| outcome.may_come_again);
                let receipts: Vec<Value> = outcomes.into_iter().map(|outcome| outcome.body).collect();
                let body = json!({ "receipts": receipts });
                Ok(Reply { incomplete, ..Reply::new(StatusCode::MULTI_STATUS, body) })
            }
        }
    }

    /// The elements of a batch's answer for one message.
    async fn outcomes_of(&self, request: &SenderRequest, reports: Vec<(usize, Report)>) -> Vec<Element> {
        let mut outcomes = Vec::new();
        for (index, report) in reports {
            outcomes.push(match self.post_one(request, &report).await {
                Ok(posted) => Element { index, body: outcome(&report, posted), may_come_again: false },
                Err(problem) => {
                    let status = problem.status().as_u16();
                    let may_come_again = problem.problem_type != ProblemType::PlatformRefused;
                    // The answer is kept for the idempotency key, so it holds none of the platform's words.
                    let problem = problem.without_words().body(&request.request_id);
                    let message_id = report.message_id();
                    let body =
                        json!({"messageId": message_id, "status": status, "outcome": "failed", "problem": problem});
                    Element { index, body, may_come_again }
                }
            });
        }
        outcomes
    }

    async fn post_one(&self, request: &SenderRequest, report: &Report) -> Result<Posted, Problem> {
        let Report::Final(receipt) = report else { return Ok(Posted::Acknowledged) };
        if request.deadline.saturating_duration_since(Instant::now()) < TIME_FOR_ONE {
            return Err(Problem::unavailable("No time was left for this receipt."));
        }
        let name = &request.integration.name;
        let once = Once {
            ledger: &self.ledger,
            key: &format!("receipt#{name}#{}", receipt.identity(name)),
            fingerprint: None,
            // A receipt may be posted twice without harm, so that an unknown outcome may be tried again.
            repeats: Repeats::Harmless,
            keeps: Keeps::FinalAnswers,
        };
        let posting = async {
            self.platforms.post_receipt(&request.integration.platform, receipt, request.deadline).await?;
            Ok(Reply::ok(Value::Null))
        };
        let reply = once.run(request, posting).await?;
        match (reply.replayed, reply.status.is_success()) {
            (false, _) => Ok(Posted::Now),
            (true, true) => Ok(Posted::Before),
            (true, false) => Err(Problem::new(ProblemType::PlatformRefused, "This receipt has failed before.")),
        }
    }
}

fn outcome(report: &Report, posted: Posted) -> Value {
    json!({ "messageId": report.message_id(), "status": 200, "outcome": posted.as_str() })
}
