//! Faults planted in the protocol. The simulation has to find each.

use super::queue::Record;
use super::scheduler::Task;
use super::steps::WorkerSteps;
use crate::group::{NotMoved, Steps};
use crate::outcome::Disposition;
use jiff::Timestamp;
use shared::ledger::SequenceNumber;
use std::sync::Mutex;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// No tail is written.
    ExtendsNoTail,
    /// The tail is written after the first record was sent.
    ExtendsTailAfterSending,
    /// A repeated move sets the tail back.
    LowersTail,
    /// The tail is cleared whatever it is.
    ClearsAnyTail,
    /// The tail is cleared before the last record is attempted.
    ClearsTailBeforeAttempt,
    ClearsNoTail,
    /// A record is acknowledged before its copy is stored, and copies are sent side by side.
    DoesNotAwaitSending,
    IgnoresErrorsOfSending,
    ReadsNoTails,
    /// An eventually consistent read, or one before the groups were locked.
    ReadsTailsInconsistently,
    /// All groups of a batch wait for the slowest.
    FlushesAtTheEndOnly,
    /// A failed record does not hold back those behind it.
    PassesFailedRecords,
    /// Records are processed even if another worker has the lease.
    IgnoresLeases,
    /// Nothing is deleted from the queues.
    AcknowledgesNothing,
}

pub(super) struct Mutated {
    steps: WorkerSteps,
    mutant: Option<Mutant>,
    tail: Mutex<Option<SequenceNumber>>,
}

impl Mutated {
    pub(super) fn new(steps: WorkerSteps, mutant: Option<Mutant>) -> Self {
        Self { steps, mutant, tail: Mutex::default() }
    }
}

impl Steps for Mutated {
    type Record = Record;

    fn now(&self) -> Timestamp {
        self.steps.now()
    }

    fn has_time_to_move(&self) -> bool {
        self.steps.has_time_to_move()
    }

    fn delay_after_not_moved(&self, receive_count: u64) -> Duration {
        self.steps.delay_after_not_moved(receive_count)
    }

    async fn process(&self, record: &Record) -> Disposition {
        match self.mutant {
            Some(Mutant::ClearsTailBeforeAttempt) => self.steps.clear_tail(record.sequence_number).await,
            Some(Mutant::PassesFailedRecords) => {
                return match self.steps.process(record).await {
                    Disposition::Retry { .. } => Disposition::Ack,
                    disposition => disposition,
                };
            }
            _ => {}
        }
        self.steps.process(record).await
    }

    async fn extend_tail(&self, tail: SequenceNumber) -> Result<(), NotMoved> {
        match self.mutant {
            Some(Mutant::ExtendsNoTail) => return Ok(()),
            Some(Mutant::ExtendsTailAfterSending) => {
                *self.tail.lock().unwrap() = Some(tail);
                return Ok(());
            }
            Some(Mutant::LowersTail) => {
                self.steps.simulation.world().ledger.tails.remove(&self.steps.group);
            }
            _ => {}
        }
        self.steps.extend_tail(tail).await
    }

    async fn send_to_retry_lane(&self, record: &Record, due_at: Option<Timestamp>) -> Result<(), NotMoved> {
        match self.mutant {
            Some(Mutant::DoesNotAwaitSending) => {
                let (steps, record) = (self.steps.clone(), record.clone());
                let (worker, wake_at) = (Some(steps.worker), steps.now());
                let future = Box::pin(async move {
                    let _ = steps.send_to_retry_lane(&record, due_at).await;
                });
                self.steps.simulation.world().spawned.push(Task { worker, wake_at, future });
                return Ok(());
            }
            Some(Mutant::IgnoresErrorsOfSending) => {
                let _ = self.steps.send_to_retry_lane(record, due_at).await;
                return Ok(());
            }
            _ => {}
        }
        self.steps.send_to_retry_lane(record, due_at).await?;
        let tail = self.tail.lock().unwrap().take();
        match tail {
            Some(tail) => self.steps.extend_tail(tail).await,
            None => Ok(()),
        }
    }

    async fn clear_tail(&self, finished: SequenceNumber) {
        match self.mutant {
            Some(Mutant::ClearsAnyTail) => {
                let _ = self.steps.call("clears any tail", |world| world.ledger.tails.remove(&self.steps.group)).await;
            }
            Some(Mutant::ClearsNoTail) => {}
            _ => self.steps.clear_tail(finished).await,
        }
    }
}
