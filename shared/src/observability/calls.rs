//! What a request or a receipt called on its platform. The line that ends the work has it; successful calls have no line of
//! their own unless the log level is `DEBUG`.

use super::metrics::{CallOutcome, Event};
use std::cell::RefCell;
use std::time::Duration;

tokio::task_local! {
    /// Of the work that the task is executing. Work that runs side by side within it counts together.
    static CALLS: RefCell<PlatformCalls>;
}

/// The calls of one piece of work.
#[derive(Debug, Default)]
pub struct PlatformCalls {
    succeeded: u64,
    /// How long all calls took in total, failed ones included.
    duration: Option<Duration>,
    /// The client, and the fewest calls that its rate limit had left.
    headroom: Option<(String, u64)>,
}

impl PlatformCalls {
    /// Executes the work, and returns its calls too.
    pub async fn counted<T>(work: impl Future<Output = T>) -> (T, Self) {
        let counting = async {
            let result = work.await;
            (result, CALLS.with(RefCell::take))
        };
        CALLS.scope(RefCell::default(), counting).await
    }

    /// The metrics of the successful calls and of the rate limit. A failed call has its own line, with its metric.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        let (outcome, calls) = (CallOutcome::Succeeded, self.succeeded);
        let called = (calls > 0).then_some(Event::PlatformCalled { outcome, calls });
        let headroom =
            self.headroom.as_ref().map(|(client, calls)| Event::RateLimitRemaining { client, calls: *calls });
        called.into_iter().chain(headroom)
    }

    /// How long the calls took in total, if there were any.
    #[must_use]
    pub fn milliseconds(&self) -> Option<u64> {
        self.duration.map(|duration| duration.as_millis() as u64)
    }
}

/// Adds a finished call. Returns its metric if it belongs on the call's own line.
pub(crate) fn add(outcome: CallOutcome, duration: Duration) -> Option<Event<'static>> {
    let is_success = outcome == CallOutcome::Succeeded;
    update(|calls| {
        calls.succeeded += u64::from(is_success);
        calls.duration = Some(calls.duration.unwrap_or_default() + duration);
    });
    (!is_success).then_some(Event::PlatformCalled { outcome, calls: 1 })
}

/// Notes the calls that are left in the rate limit of a client.
pub(crate) fn set_headroom(client: &str, left: u64) {
    update(|calls| {
        if calls.headroom.as_ref().is_none_or(|(_, fewest)| left < *fewest) {
            calls.headroom = Some((client.to_owned(), left));
        }
    });
}

/// Nothing is counted outside of [`PlatformCalls::counted`], as in the CLI.
fn update(change: impl FnOnce(&mut PlatformCalls)) {
    let _ = CALLS.try_with(|calls| change(&mut calls.borrow_mut()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The metrics of the calls, and how long they took.
    fn shown(calls: &PlatformCalls) -> (Vec<String>, Option<u64>) {
        (calls.events().map(|event| format!("{event:?}")).collect(), calls.milliseconds())
    }

    async fn call(outcome: CallOutcome, milliseconds: u64, left: u64) -> Option<Event<'static>> {
        tokio::task::yield_now().await;
        set_headroom("client", left);
        add(outcome, Duration::from_millis(milliseconds))
    }

    #[tokio::test]
    async fn calls_that_run_side_by_side_count_together_with_the_fewest_calls_left() {
        let work = async {
            tokio::join!(
                call(CallOutcome::Succeeded, 100, 7),
                call(CallOutcome::Succeeded, 200, 5),
                call(CallOutcome::Refused, 300, 6),
            )
        };
        let ((first, second, failed), calls) = PlatformCalls::counted(work).await;
        assert!(first.is_none() && second.is_none(), "they have no line of their own");
        assert_eq!("PlatformCalled { outcome: Refused, calls: 1 }", format!("{:?}", failed.unwrap()));
        let events =
            ["PlatformCalled { outcome: Succeeded, calls: 2 }", "RateLimitRemaining { client: \"client\", calls: 5 }"];
        assert_eq!((events.map(str::to_owned).to_vec(), Some(600)), shown(&calls));
    }

    #[tokio::test]
    async fn the_calls_of_each_piece_of_work_are_counted_apart() {
        let (((), one), ((), other)) = tokio::join!(
            PlatformCalls::counted(async {
                call(CallOutcome::Succeeded, 100, 7).await;
            }),
            PlatformCalls::counted(async { tokio::task::yield_now().await }),
        );
        assert_eq!((2, Some(100)), (shown(&one).0.len(), one.milliseconds()));
        assert_eq!((Vec::new(), None), shown(&other));
    }

    #[tokio::test]
    async fn a_call_outside_of_such_work_is_not_counted() {
        assert!(call(CallOutcome::Succeeded, 100, 7).await.is_none());
    }
}
