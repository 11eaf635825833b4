//! The lanes of a group: what happens to the records of one customer, which are in order.
//!
//! The **direct lane** is the message queue. A record that cannot be delivered soon is **moved** from there to the **retry
//! lane**, a queue of its own, with all records of its group behind it. So the direct lane only ever holds messages that are
//! about to be delivered, and no number of messages that wait can hide others from SQS.
//!
//! Order is kept by the group's **tail** in the ledger. It is extended before a record is sent to the retry lane, and cleared
//! when the record that it names has left the retry lane. A worker of the direct lane reads it before it processes
//! a group's records, and moves all of them while there is a tail. That suffices, because SQS gives a group's records to one
//! worker of a lane at a time: only a record that is at the head of its group can be moved, and all records before it have
//! left the direct lane. ARCHITECTURE.md has the argument.

use crate::outcome::Disposition;
use crate::record::Lane;
use jiff::Timestamp;
use shared::ledger::SequenceNumber;
use std::time::Duration;

/// The receive on the direct lane at which a failed attempt moves a record. The delays before it are seconds, and most
/// failures are over by then. Receives in which it only waited behind another record count.
pub(crate) const DIRECT_RECEIVES: u64 = 3;
/// The longest delay of a retry on the direct lane: a messaging service may ask for hours.
pub(crate) const MAX_DIRECT_DELAY: Duration = Duration::from_secs(4);
/// The receive on the direct lane at which a record is moved that is not handled for another reason: the integration's
/// secret cannot be read, say. Most such reasons are gone sooner, or concern all records.
pub(crate) const MAX_DIRECT_RECEIVES: u64 = 10;

/// Where a group's records were received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// On the direct lane, with no message of the group on the retry lane.
    Direct,
    /// On the direct lane, behind messages of the group on the retry lane.
    BehindRetries,
    /// On the retry lane.
    Retry,
}

impl Position {
    pub(crate) fn new(lane: Lane, has_tail: bool) -> Self {
        match lane {
            Lane::Direct if has_tail => Self::BehindRetries,
            Lane::Direct => Self::Direct,
            Lane::Retry => Self::Retry,
        }
    }
}

/// A record, with what decides its lane.
pub(crate) struct Queued<R> {
    pub(crate) record: R,
    /// Its place in its group on the direct lane.
    pub(crate) sequence_number: Option<SequenceNumber>,
    /// How often it was received on this lane, this time included.
    pub(crate) receive_count: u64,
    /// No attempt before then.
    pub(crate) due_at: Option<Timestamp>,
}

/// A record could not be moved. It stays on the direct lane.
pub(crate) struct NotMoved;

/// What a worker does with the records of a group.
pub(crate) trait Steps: Sync {
    type Record: Send;

    fn now(&self) -> Timestamp;

    /// Whether there is time for another move.
    fn has_time_to_move(&self) -> bool;

    /// The delay before a record that could not be moved is received again.
    fn delay_after_not_moved(&self, receive_count: u64) -> Duration;

    /// Processes a record. Repeating it does no harm.
    fn process(&self, record: &Self::Record) -> impl Future<Output = Disposition> + Send;

    /// Extends the tail of the group.
    fn extend_tail(&self, tail: SequenceNumber) -> impl Future<Output = Result<(), NotMoved>> + Send;

    /// Sends a record to the retry lane.
    fn send_to_retry_lane(
        &self,
        record: &Self::Record,
        due_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), NotMoved>> + Send;

    /// Clears the tail of the group if it is at most `finished`. If this fails, the group's next record is moved, and
    /// clears the tail when it has left the retry lane.
    fn clear_tail(&self, finished: SequenceNumber) -> impl Future<Output = ()> + Send;
}

/// What happens to the records of a group.
pub(crate) struct GroupResult<R> {
    /// They are deleted, in this order.
    pub(crate) acknowledged: Vec<R>,
    /// They return to their lane with the same visibility timeout, so that they stay in order.
    pub(crate) returned: Vec<R>,
    pub(crate) visibility_timeout: Duration,
    /// How many of the acknowledged records were moved to the retry lane.
    pub(crate) moved: usize,
}

impl<R> Default for GroupResult<R> {
    fn default() -> Self {
        Self { acknowledged: Vec::new(), returned: Vec::new(), visibility_timeout: Duration::ZERO, moved: 0 }
    }
}

/// Processes the records of a group.
pub(crate) async fn process_group<S: Steps>(
    steps: &S,
    position: Position,
    records: Vec<Queued<S::Record>>,
) -> GroupResult<S::Record> {
    match position {
        Position::Direct => process_direct(steps, records).await,
        Position::BehindRetries => move_all(steps, records, None, GroupResult::default()).await,
        Position::Retry => process_retries(steps, records).await,
    }
}

async fn process_direct<S: Steps>(steps: &S, records: Vec<Queued<S::Record>>) -> GroupResult<S::Record> {
    let mut result = GroupResult::default();
    let mut records = records.into_iter();
    while let Some(queued) = records.next() {
        let after = match steps.process(&queued.record).await {
            Disposition::Ack => {
                result.acknowledged.push(queued.record);
                continue;
            }
            Disposition::Return { after } if queued.receive_count < MAX_DIRECT_RECEIVES => {
                return result.returning(after, std::iter::once(queued).chain(records));
            }
            Disposition::Retry { after } if queued.receive_count < DIRECT_RECEIVES && after <= MAX_DIRECT_DELAY => {
                return result.returning(after, std::iter::once(queued).chain(records));
            }
            Disposition::Return { after } | Disposition::Retry { after } | Disposition::CircuitOpen { after } => after,
        };
        return move_all(steps, std::iter::once(queued).chain(records).collect(), Some(after), result).await;
    }
    result
}

/// Moves records to the retry lane. The first is due `after` that time, and the others behind it.
async fn move_all<S: Steps>(
    steps: &S,
    records: Vec<Queued<S::Record>>,
    after: Option<Duration>,
    mut result: GroupResult<S::Record>,
) -> GroupResult<S::Record> {
    let tail = records.iter().filter_map(|queued| queued.sequence_number).max();
    let extended = match tail {
        Some(tail) if steps.has_time_to_move() => steps.extend_tail(tail).await,
        // Without a tail that names it, the group's next message might overtake it.
        None | Some(_) => Err(NotMoved),
    };
    let mut records = records.into_iter();
    let mut due_at = after.and_then(|after| steps.now().checked_add(after).ok());
    while let Some(queued) = records.next() {
        // One after the other: a batch that fails in part would change the order.
        let moved = match extended {
            Ok(()) if steps.has_time_to_move() => steps.send_to_retry_lane(&queued.record, due_at).await,
            _ => Err(NotMoved),
        };
        if let Err(NotMoved) = moved {
            let wait = due_at.and_then(|due_at| steps.now().duration_until(due_at).try_into().ok());
            let delay = steps.delay_after_not_moved(queued.receive_count).max(wait.unwrap_or_default());
            return result.returning(delay, std::iter::once(queued).chain(records));
        }
        due_at = None;
        result.acknowledged.push(queued.record);
        result.moved += 1;
    }
    result
}

async fn process_retries<S: Steps>(steps: &S, records: Vec<Queued<S::Record>>) -> GroupResult<S::Record> {
    let mut result = GroupResult::default();
    let mut finished = None;
    let mut records = records.into_iter();
    while let Some(queued) = records.next() {
        let wait = queued.due_at.map(|due_at| steps.now().duration_until(due_at)).and_then(|wait| wait.try_into().ok());
        let disposition = match wait {
            Some(after) if after > Duration::ZERO => Disposition::Return { after },
            _ => steps.process(&queued.record).await,
        };
        match disposition {
            Disposition::Ack => {
                finished = finished.max(queued.sequence_number);
                result.acknowledged.push(queued.record);
            }
            Disposition::Return { after } | Disposition::Retry { after } | Disposition::CircuitOpen { after } => {
                return result.returning(after, std::iter::once(queued).chain(records));
            }
        }
    }
    if let Some(finished) = finished {
        steps.clear_tail(finished).await;
    }
    result
}

impl<R> GroupResult<R> {
    fn returning(mut self, after: Duration, records: impl Iterator<Item = Queued<R>>) -> Self {
        self.returned.extend(records.map(|queued| queued.record));
        self.visibility_timeout = after;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    /// A group whose records all end alike.
    struct Scripted {
        disposition: Disposition,
        moves_left: Mutex<usize>,
        lane_is_available: bool,
    }

    impl Scripted {
        fn ending_with(disposition: Disposition) -> Self {
            Self { disposition, moves_left: Mutex::new(usize::MAX), lane_is_available: true }
        }

        async fn run(&self, receive_count: u64) -> GroupResult<u128> {
            let record = |number: u128| Queued {
                record: number,
                sequence_number: Some(SequenceNumber::new(number)),
                receive_count,
                due_at: None,
            };
            process_group(self, Position::Direct, vec![record(1), record(2)]).await
        }
    }

    impl Steps for Scripted {
        type Record = u128;

        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn has_time_to_move(&self) -> bool {
            *self.moves_left.lock().unwrap() > 0
        }

        fn delay_after_not_moved(&self, receive_count: u64) -> Duration {
            Duration::from_secs(receive_count)
        }

        async fn process(&self, _: &u128) -> Disposition {
            self.disposition
        }

        async fn extend_tail(&self, _: SequenceNumber) -> Result<(), NotMoved> {
            if self.lane_is_available { Ok(()) } else { Err(NotMoved) }
        }

        async fn send_to_retry_lane(&self, _: &u128, _: Option<Timestamp>) -> Result<(), NotMoved> {
            *self.moves_left.lock().unwrap() -= 1;
            Ok(())
        }

        async fn clear_tail(&self, _: SequenceNumber) {}
    }

    #[tokio::test]
    async fn what_cannot_be_handled_leaves_the_direct_lane_at_the_tenth_receive_whatever_the_reason() {
        let group = Scripted::ending_with(Disposition::Return { after: Duration::from_secs(3) });
        let result = group.run(9).await;
        assert_eq!((vec![1, 2], Duration::from_secs(3), 0), (result.returned, result.visibility_timeout, result.moved));
        let result = group.run(10).await;
        assert_eq!((vec![1, 2], vec![], 2), (result.acknowledged, result.returned, result.moved));
    }

    #[tokio::test]
    async fn what_cannot_be_moved_waits_as_long_as_its_endpoint_asks_and_longer_after_many_receives() {
        let disposition = Disposition::Retry { after: FIVE_MINUTES };
        let group = Scripted { lane_is_available: false, ..Scripted::ending_with(disposition) };
        assert_eq!(FIVE_MINUTES, group.run(3).await.visibility_timeout);
        assert_eq!(Duration::from_secs(900), group.run(900).await.visibility_timeout);
    }

    #[tokio::test]
    async fn a_move_that_would_outlast_the_invocation_is_left_to_the_next_one() {
        let disposition = Disposition::Retry { after: FIVE_MINUTES };
        let group = Scripted { moves_left: Mutex::new(1), ..Scripted::ending_with(disposition) };
        let result = group.run(3).await;
        assert_eq!((vec![1], vec![2], 1), (result.acknowledged, result.returned, result.moved));
        assert_eq!(Duration::from_secs(3), result.visibility_timeout);
    }
}
