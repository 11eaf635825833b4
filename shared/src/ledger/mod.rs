//! What has been done already: one DynamoDB item for each thing that must happen once.
//!
//! A worker **claims** a key, does the work, and **completes** the claim with the outcome, or **releases** it so that
//! the work can be tried again. A claim is a lease: when its holder dies, the next claim after the lease wins.
//!
//! Every claim raises the item's version, and completing or releasing is conditional on that version. So a worker
//! whose lease ran out can change nothing any more: whatever its successor has written stays. Items are never deleted
//! here, because a deleted item would start its versions anew and break just that promise; DynamoDB's time to live
//! removes them long after.
//!
//! Work that has failed can be asked for again, by a **replay** with an id of its own. Its claim reopens a failed item
//! only where the item does not bear that very id, and writes the id in the same conditional write: so each replay is
//! let through once, and a second copy of it finds the item in progress, or ended. A replay raises the version like every
//! claim, which leaves a worker that is still busy with an earlier claim without its lease. What is done is never
//! reopened.
//!
//! What happened at a time of its own (a customer's message) has that **time** fixed by the first claim of its key: every later
//! claim is given the same, so that each attempt can be made with the same time. So is its **content**: other content under the key is
//! refused, because who receives it might take it for a repeat and drop it. Where nothing was accepted, the claim that fixed both
//! clears them on release ([`Ledger::release_unaccepted`]).
//!
//! What is NOT promised: that the work happens at most once. A worker that dies between doing the work and completing
//! its claim leaves the work to be done again.

mod item;
pub mod key;
mod look;

pub use look::{Entry, Progress};

use crate::aws;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use item::{Item, number, text};
use jiff::Timestamp;
use std::collections::HashMap;
use std::time::Duration;
use uuid::Uuid;

/// How long an item is kept after it was last written. Platforms repeat messages up to 30 days later.
pub const RETENTION: Duration = Duration::from_secs(35 * 24 * 3600);

/// How far the clocks of two Lambda hosts may differ: a lease outlasts its invocation by this much.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The end of a lease that was given back.
const RELEASED: i64 = 0;

/// The ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    client: Client,
    table: String,
}

/// A claim that was won: the right to do the work until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    key: String,
    version: u64,
    /// Tells our own claim from another's when the answer to it was lost and the SDK asked again.
    token: String,
    event_time: Option<Timestamp>,
    /// Whether it was this claim that fixed the time.
    fixed_event_time: bool,
}

impl Claim {
    /// How many times this key has been claimed, this claim included: 1 for the first attempt.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The time that the first [`Ledger::claim_at`] of this key fixed, if there was one.
    #[must_use]
    pub fn event_time(&self) -> Option<Timestamp> {
        self.event_time
    }
}

/// A claim to be made.
#[derive(Debug, Clone, Copy)]
pub struct Bid<'b> {
    /// What is to be claimed.
    pub key: &'b str,
    /// The time now.
    pub now: Timestamp,
    /// The end of the lease.
    pub until: Timestamp,
    /// What the work is done on, where one key might come with different work: kept and handed to later bidders.
    pub fingerprint: Option<&'b str>,
    /// What to do about a holder whose lease has run out.
    pub lapsed: Lapsed,
}

/// Something that happened at a time of its own, as the first claim of its key fixes it.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence<'o> {
    /// When.
    pub time: Timestamp,
    /// Stands for what has to be the same on every attempt.
    pub content: &'o str,
}

/// What to do about a holder whose lease has run out: it died, or was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapsed {
    /// Take the work over: it does no harm when it is done again.
    TakeOver,
    /// Leave it: whether it was done is unknown, and it must not be done again. Only released work can be claimed.
    Leave,
}

/// What came of trying to claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The work is ours.
    Won(Claim),
    /// Another worker has it until then, which may have passed where lapsed claims are left.
    InProgress {
        /// The end of the other's lease.
        until: Timestamp,
        /// What the other works on.
        fingerprint: Option<String>,
    },
    /// There is nothing left to do.
    Settled(Settled),
}

/// How the work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The outcome.
    pub outcome: Outcome,
    /// What was kept of the answer.
    pub answer: Option<String>,
    /// What the work was done on.
    pub fingerprint: Option<String>,
    /// The replay that it was done for last, if it was one.
    pub replay: Option<String>,
    /// How often it was claimed.
    pub attempts: u64,
}

/// The end of a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// It did not work and will not be tried again.
    Failed,
    /// Nobody can tell whether it was done, so it must not be tried again.
    Unknown,
}

/// Why the ledger did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The lease ran out, and the item is another's now. Nothing was changed.
    #[error("the claim has been overtaken by another worker")]
    Overtaken,
    /// DynamoDB did not answer, or refused.
    #[error("the ledger is out of reach: {0}")]
    Unavailable(String),
    /// The item holds what we never write.
    #[error("the ledger's item cannot be read: {0}")]
    Malformed(&'static str),
}

impl LedgerError {
    /// Whether the same may work a little later.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl Ledger {
    /// The ledger in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Claims a key. One conditional write; a conflict costs no read, because the refusal carries the item that stood
    /// in the way.
    ///
    /// # Errors
    /// DynamoDB is out of reach. If the claim was made nevertheless, it is given back, or ends with its lease.
    pub async fn claim(&self, bid: Bid<'_>) -> Result<Claimed, LedgerError> {
        self.claim_with(bid, None, None).await
    }

    /// Claims a key for something that happened at a time of its own: as [`Self::claim`]. The first such claim fixes the time,
    /// in milliseconds, and the content. This one has that time, [`Claim::event_time`], and finds the item in progress where it
    /// comes with other content.
    ///
    /// # Errors
    /// As [`Self::claim`].
    pub async fn claim_at(&self, bid: Bid<'_>, occurrence: Occurrence<'_>) -> Result<Claimed, LedgerError> {
        self.claim_with(bid, None, Some(occurrence)).await
    }

    /// Claims a key for the replay with this id, if there is one: as [`Self::claim`], and where the work has failed,
    /// unless it did so in this very replay.
    ///
    /// # Errors
    /// As [`Self::claim`].
    pub async fn claim_for(&self, bid: Bid<'_>, replay: Option<&str>) -> Result<Claimed, LedgerError> {
        self.claim_with(bid, replay, None).await
    }

    async fn claim_with(
        &self,
        bid: Bid<'_>,
        replay: Option<&str>,
        occurrence: Option<Occurrence<'_>>,
    ) -> Result<Claimed, LedgerError> {
        let token = Uuid::new_v4().to_string();
        let lapsed_before = match bid.lapsed {
            Lapsed::TakeOver => bid.now.as_millisecond(),
            Lapsed::Leave => RELEASED,
        };
        let same_content = match occurrence {
            Some(_) => " AND (attribute_not_exists(eventContent) OR eventContent = :content)",
            None => "",
        };
        let free = format!(
            "attribute_not_exists(#key) OR (#state = :in_progress AND leaseUntil <= :lapsed{same_content}) \
             OR expiresAt <= :now"
        );
        let mut set =
            "SET #state = :in_progress, leaseUntil = :until, claimToken = :token, fingerprint = :fingerprint, \
                   expiresAt = :expires, #version = if_not_exists(#version, :zero) + :one"
                .to_owned();
        let mut update = self.update(bid.key, bid.now);
        if let Some(Occurrence { time, content }) = occurrence {
            // An item that has expired and was not removed yet keeps them, as it does its version.
            set.push_str(
                ", eventTime = if_not_exists(eventTime, :event_time), \
                 eventTimeToken = if_not_exists(eventTimeToken, :token), \
                 eventContent = if_not_exists(eventContent, :content)",
            );
            update = update
                .expression_attribute_values(":event_time", number(time.as_millisecond()))
                .expression_attribute_values(":content", text(content));
        }
        let update = match replay {
            None => update.condition_expression(&free).update_expression(format!("{set} REMOVE answer, #replay")),
            Some(id) => update
                .condition_expression(format!(
                    "{free} OR (#state = :failed AND (attribute_not_exists(#replay) OR #replay <> :replay))"
                ))
                .update_expression(format!("{set}, #replay = :replay REMOVE answer"))
                .expression_attribute_values(":failed", text(item::State::Settled(Outcome::Failed).as_str()))
                .expression_attribute_values(":replay", text(id)),
        };
        let result = update
            .expression_attribute_names("#replay", item::REPLAY)
            .expression_attribute_names("#key", item::KEY)
            .expression_attribute_values(":until", number(bid.until.as_millisecond()))
            .expression_attribute_values(":token", text(&token))
            .expression_attribute_values(":fingerprint", text(bid.fingerprint.unwrap_or_default()))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":lapsed", number(lapsed_before))
            .expression_attribute_values(":now", number(bid.now.as_second()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let attributes = match result {
            Ok(output) => output.attributes,
            Err(error) => match standing_in_the_way(error) {
                Ok(item) => Some(item),
                Err(error) => {
                    // The claim may have been made all the same; then it is given back.
                    let claim =
                        Claim { key: bid.key.to_owned(), version: 0, token, event_time: None, fixed_event_time: false };
                    let _ = self.give_back(&claim, bid.now).await;
                    return Err(error);
                }
            },
        };
        let item = Item::read(&attributes.unwrap_or_default())?;
        Ok(match item.state {
            item::State::InProgress if item.token == token => {
                let Item { version, event_time, event_time_token, .. } = item;
                let fixed_event_time = event_time_token.as_deref() == Some(token.as_str());
                Claimed::Won(Claim { key: bid.key.to_owned(), version, token, event_time, fixed_event_time })
            }
            item::State::InProgress => Claimed::InProgress { until: item.lease_until, fingerprint: item.fingerprint },
            item::State::Settled(outcome) => Claimed::Settled(item.settled(outcome)),
        })
    }

    /// Records how the work ended, with what is to be kept of the answer (never message text).
    ///
    /// # Errors
    /// The claim was overtaken, or DynamoDB is out of reach.
    pub async fn complete(
        &self,
        claim: &Claim,
        now: Timestamp,
        outcome: Outcome,
        answer: Option<&str>,
    ) -> Result<(), LedgerError> {
        let state = item::State::Settled(outcome);
        let update = self.fenced(claim, now).expression_attribute_values(":state", text(state.as_str()));
        let result = match answer {
            None => update.update_expression("SET #state = :state, expiresAt = :expires REMOVE leaseUntil, answer"),
            Some(answer) => update
                .update_expression("SET #state = :state, expiresAt = :expires, answer = :answer REMOVE leaseUntil")
                .expression_attribute_values(":answer", text(answer)),
        };
        match result.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                // Our own first attempt may have got through and only its answer been lost.
                let item = Item::read(&standing_in_the_way(error)?)?;
                let ours = item.version == claim.version && item.token == claim.token && item.state == state;
                if ours { Ok(()) } else { Err(LedgerError::Overtaken) }
            }
        }
    }

    /// Gives the work back, so that the next claim wins at once.
    ///
    /// # Errors
    /// The claim was overtaken, or DynamoDB is out of reach.
    pub async fn release(&self, claim: &Claim, now: Timestamp) -> Result<(), LedgerError> {
        self.release_with(claim, now, "").await
    }

    /// As [`Self::release`], where nothing was accepted under this claim. A time that this claim fixed goes with it, so that
    /// the next claim may have another; one that an earlier claim fixed stays, because that may have been accepted.
    ///
    /// # Errors
    /// As [`Self::release`].
    pub async fn release_unaccepted(&self, claim: &Claim, now: Timestamp) -> Result<(), LedgerError> {
        let remove = if claim.fixed_event_time { " REMOVE eventTime, eventTimeToken, eventContent" } else { "" };
        self.release_with(claim, now, remove).await
    }

    async fn release_with(&self, claim: &Claim, now: Timestamp, remove: &str) -> Result<(), LedgerError> {
        let result = self
            .fenced(claim, now)
            .update_expression(format!("SET leaseUntil = :released, expiresAt = :expires{remove}"))
            .expression_attribute_values(":released", number(RELEASED))
            .send()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) => standing_in_the_way(error).and(Err(LedgerError::Overtaken)),
        }
    }

    /// Releases a claim whose version we were never told, by its token.
    async fn give_back(&self, claim: &Claim, now: Timestamp) -> Result<(), LedgerError> {
        self.update(&claim.key, now)
            .condition_expression("claimToken = :token AND #state = :in_progress")
            .update_expression("SET leaseUntil = :released, expiresAt = :expires, #version = #version")
            .expression_attribute_values(":token", text(&claim.token))
            .expression_attribute_values(":released", number(RELEASED))
            .send()
            .await
            .map(drop)
            .map_err(|error| LedgerError::Unavailable(aws::sdk_error(&error)))
    }

    /// A write that only the holder of `claim` may make.
    fn fenced(&self, claim: &Claim, now: Timestamp) -> UpdateItemFluentBuilder {
        self.update(&claim.key, now)
            .condition_expression("#version = :version AND claimToken = :token AND #state = :in_progress")
            .expression_attribute_values(":version", number(claim.version))
            .expression_attribute_values(":token", text(&claim.token))
    }

    fn update(&self, key: &str, now: Timestamp) -> UpdateItemFluentBuilder {
        let expires = now.as_second().saturating_add_unsigned(RETENTION.as_secs());
        self.client
            .update_item()
            .table_name(&self.table)
            .key(item::KEY, text(key))
            .expression_attribute_names("#state", item::STATE)
            .expression_attribute_names("#version", item::VERSION)
            .expression_attribute_values(":in_progress", text(item::State::InProgress.as_str()))
            .expression_attribute_values(":expires", number(expires))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// The item whose state refused a conditional write; any other error means that DynamoDB is out of reach.
fn standing_in_the_way(error: SdkError<UpdateItemError>) -> Result<HashMap<String, AttributeValue>, LedgerError> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => Ok(refusal.item.clone().unwrap_or_default()),
        _ => Err(LedgerError::Unavailable(aws::sdk_error(&error))),
    }
}
