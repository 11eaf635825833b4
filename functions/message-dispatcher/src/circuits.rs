//! The circuit breaker of each endpoint: one that does not answer gets few attempts, so that it holds few of the function's
//! concurrent batches.
//!
//! After [`TIMEOUTS_TO_OPEN`] timeouts in a row the circuit opens: no attempt is made, and messages wait. When it has been open for
//! its period, one attempt is made, the trial. An answer, whatever its status, closes the circuit; another timeout opens it
//! for longer. The state is in the ledger. Each process reads it at the start of a batch, and when an endpoint answers after
//! more than a second, so that the answers of slow attempts count.

use jiff::{SignedDuration, Timestamp};
use shared::delivery::backoff::doubled;
use shared::ledger::{Circuit, LaneStates, Ledger, LedgerError, TrialLease};
use shared::model::endpoint::Endpoint;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many timeouts in a row open the circuit.
const TIMEOUTS_TO_OPEN: u64 = 5;
/// The timeouts last for at least this long: an answer of any process within it starts the count again. Processes notice
/// the count a second later at most ([`FRESH_FOR`]).
const MIN_SPAN: SignedDuration = SignedDuration::from_secs(2);
/// The period for which a circuit opens at first. It doubles with each trial that times out.
const INITIAL_PERIOD: Duration = Duration::from_secs(10);
const MAX_PERIOD: Duration = Duration::from_secs(60);
/// How long a trial may take in addition to its timeout, for other processes.
const TRIAL_MARGIN: Duration = Duration::from_secs(2);
/// How long a state that was read is used.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How many endpoints' states are kept. A full map is emptied: a state that is not kept is read again.
const MAX_KNOWN: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CircuitState {
    Closed,
    Open {
        until: Timestamp,
    },
    /// The next attempt is the trial.
    HalfOpen {
        since: Timestamp,
    },
}

/// Whether an attempt may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Attempt(Option<Trial>),
    Wait { until: Timestamp },
}

/// The right to make the trial, by the time at which it expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trial(Timestamp);

/// How an attempt ended, as far as the circuit is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The attempt did not time out. A refused connection counts too: it costs no time.
    Prompt,
    /// The attempt used all of its time.
    TimedOut,
    /// The endpoint had no part in it.
    None,
}

pub(crate) struct Circuits {
    ledger: Ledger,
    known: Mutex<HashMap<Endpoint, KnownCircuit>>,
}

#[derive(Clone, Copy)]
struct KnownCircuit {
    circuit: Circuit,
    read_at: Instant,
}

impl CircuitState {
    fn of(circuit: &Circuit, now: Timestamp) -> Self {
        match circuit.open_until {
            None => Self::Closed,
            Some(until) if now < until => Self::Open { until },
            Some(since) => Self::HalfOpen { since },
        }
    }
}

impl KnownCircuit {
    fn is_fresh(&self) -> bool {
        self.read_at.elapsed() < FRESH_FOR
    }
}

/// What is known of a half-open circuit after a request for its trial, which would last until then.
fn after_request(
    circuit: Circuit,
    lease: &Result<TrialLease, LedgerError>,
    until: Timestamp,
    now: Timestamp,
) -> (Circuit, Admission) {
    let leased = Circuit { open_until: Some(until), ..circuit };
    match lease {
        Ok(TrialLease::Acquired) => (leased, Admission::Attempt(Some(Trial(until)))),
        Ok(TrialLease::Refused(circuit)) => match CircuitState::of(circuit, now) {
            CircuitState::Closed => (*circuit, Admission::Attempt(None)),
            CircuitState::Open { until } | CircuitState::HalfOpen { since: until } => {
                (*circuit, Admission::Wait { until })
            }
        },
        Err(_) => (leased, Admission::Wait { until }),
    }
}

/// Until when the circuit is open after a timeout; none if that does not open it.
fn opens_until(circuit: &Circuit, trial: Option<Trial>, now: Timestamp) -> Option<Timestamp> {
    let span = circuit.since.map(|since| now.duration_since(since))?;
    let is_open_elsewhere = circuit.open_until.is_some_and(|until| now < until && trial != Some(Trial(until)));
    if circuit.timeouts < TIMEOUTS_TO_OPEN || span < MIN_SPAN || is_open_elsewhere {
        return None;
    }
    let period = doubled(INITIAL_PERIOD, circuit.openings.into(), MAX_PERIOD);
    now.checked_add(period).ok()
}

impl Circuits {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { ledger, known: Mutex::default() }
    }

    /// Those of the endpoints whose state has to be read again.
    pub(crate) fn stale(&self, endpoints: impl IntoIterator<Item = Endpoint>) -> Vec<Endpoint> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |endpoint: &Endpoint| known.get(endpoint).is_some_and(KnownCircuit::is_fresh);
        let mut stale: Vec<Endpoint> = Vec::new();
        for endpoint in endpoints {
            if !is_fresh(&endpoint) && !stale.contains(&endpoint) {
                stale.push(endpoint);
            }
        }
        stale
    }

    pub(crate) fn learn(&self, states: &LaneStates) {
        for (endpoint, circuit) in &states.circuits {
            self.know(endpoint, *circuit);
        }
    }

    fn know(&self, endpoint: &Endpoint, circuit: Circuit) {
        let mut map = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= MAX_KNOWN {
            map.clear();
        }
        map.insert(endpoint.clone(), KnownCircuit { circuit, read_at: Instant::now() });
    }

    fn known(&self, endpoint: &Endpoint) -> Option<KnownCircuit> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(endpoint).copied()
    }

    /// Whether attempts are made that no trial is spent on.
    pub(crate) fn is_closed(&self, endpoint: &Endpoint, now: Timestamp) -> bool {
        self.known(endpoint).is_none_or(|known| CircuitState::of(&known.circuit, now) == CircuitState::Closed)
    }

    /// Admits an attempt that is about to be made, and takes no longer than `timeout`. Of several processes, one gets the
    /// trial. If it then makes no attempt, the next trial is made when the time of this one has passed.
    pub(crate) async fn admit(&self, endpoint: &Endpoint, timeout: Duration, now: Timestamp) -> Admission {
        let circuit = self.known(endpoint).map(|known| known.circuit).unwrap_or_default();
        let since = match CircuitState::of(&circuit, now) {
            CircuitState::Closed => return Admission::Attempt(None),
            CircuitState::Open { until } => return Admission::Wait { until },
            CircuitState::HalfOpen { since } => since,
        };
        let until = whole_milliseconds(now.saturating_add(timeout + TRIAL_MARGIN).unwrap_or(Timestamp::MAX));
        let lease = self.ledger.acquire_trial(endpoint, since, until).await;
        let (circuit, admission) = after_request(circuit, &lease, until, now);
        self.know(endpoint, circuit);
        if let Err(error) = lease {
            not_changed(endpoint, &error);
        }
        admission
    }

    /// Records how an admitted attempt ended. An error is only logged: no message depends on the circuit.
    pub(crate) async fn record(&self, endpoint: &Endpoint, answer: Answer, trial: Option<Trial>, now: Timestamp) {
        let recorded = match answer {
            Answer::None => return,
            Answer::Prompt => self.close_unless_closed(endpoint).await,
            Answer::TimedOut => self.count_timeout(endpoint, trial, now).await,
        };
        if let Err(error) = recorded {
            not_changed(endpoint, &error);
        }
    }

    /// A state that was read before the attempt may not have the timeouts that other attempts met meanwhile.
    async fn close_unless_closed(&self, endpoint: &Endpoint) -> Result<(), LedgerError> {
        if !self.known(endpoint).is_some_and(|known| known.is_fresh()) {
            self.learn(&self.ledger.lane_states(&[], vec![endpoint.clone()]).await?);
        }
        match self.known(endpoint) {
            Some(known) if known.circuit != Circuit::default() => self.close(endpoint).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn close(&self, endpoint: &Endpoint) -> Result<(), LedgerError> {
        let was_open = self.ledger.close_circuit(endpoint).await?;
        self.know(endpoint, Circuit::default());
        if was_open {
            let (integration, endpoint) = (endpoint.integration.as_str(), endpoint.kind.as_str());
            tracing::info!(integration, endpoint, outcome = "circuit_closed");
        }
        Ok(())
    }

    async fn count_timeout(
        &self,
        endpoint: &Endpoint,
        trial: Option<Trial>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut circuit = self.ledger.count_timeout(endpoint, now).await?;
        if let Some(until) = opens_until(&circuit, trial, now).map(whole_milliseconds) {
            if self.ledger.open_circuit(endpoint, circuit.open_until, until).await? {
                let (integration, endpoint, timeouts) =
                    (endpoint.integration.as_str(), endpoint.kind.as_str(), circuit.timeouts);
                tracing::warn!(integration, endpoint, outcome = "circuit_opened", timeouts, until = %until);
            }
            circuit.open_until = Some(until);
        }
        self.know(endpoint, circuit);
        Ok(())
    }
}

fn not_changed(endpoint: &Endpoint, error: &LedgerError) {
    let (integration, endpoint) = (endpoint.integration.as_str(), endpoint.kind.as_str());
    tracing::warn!(integration, endpoint, reason = %error, "the circuit could not be changed");
}

/// As the ledger stores it.
fn whole_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn circuit(timeouts: u64, open_until: Option<i64>) -> Circuit {
        Circuit { timeouts, since: Some(at(0)), openings: 0, open_until: open_until.map(at) }
    }

    #[test]
    fn the_fifth_timeout_in_a_row_opens_the_circuit_for_ten_seconds() {
        assert_eq!(None, opens_until(&circuit(4, None), None, at(20)));
        assert_eq!(Some(at(30)), opens_until(&circuit(5, None), None, at(20)));
    }

    #[test]
    fn timeouts_of_the_same_moment_do_not_open_it() {
        assert_eq!(None, opens_until(&circuit(50, None), None, at(1)));
        assert_eq!(Some(at(12)), opens_until(&circuit(50, None), None, at(2)));
    }

    #[test]
    fn each_trial_that_times_out_doubles_the_period_up_to_a_minute() {
        let periods: Vec<_> = (0..5)
            .map(|openings| Circuit { openings, ..circuit(50, Some(35)) })
            .map(|circuit| opens_until(&circuit, Some(Trial(at(35))), at(30)).unwrap())
            .map(|until| until.duration_since(at(30)).as_secs())
            .collect();
        assert_eq!(vec![10, 20, 40, 60, 60], periods);
    }

    #[test]
    fn an_attempt_that_began_before_the_circuit_opened_does_not_extend_it() {
        assert_eq!(None, opens_until(&circuit(6, Some(35)), None, at(30)));
        assert_eq!(None, opens_until(&circuit(6, Some(35)), Some(Trial(at(20))), at(30)));
    }

    #[test]
    fn a_trial_that_another_process_got_is_waited_for_and_a_circuit_that_it_closed_is_closed() {
        let (half_open, until) = (circuit(5, Some(30)), at(43));
        let after = |lease| after_request(half_open, &lease, until, at(31));
        let trial = Circuit { open_until: Some(until), ..half_open };
        assert_eq!((trial, Admission::Attempt(Some(Trial(until)))), after(Ok(TrialLease::Acquired)));
        let elsewhere = circuit(5, Some(42));
        let expected = (elsewhere, Admission::Wait { until: at(42) });
        assert_eq!(expected, after(Ok(TrialLease::Refused(elsewhere))));
        let closed = Circuit::default();
        assert_eq!((closed, Admission::Attempt(None)), after(Ok(TrialLease::Refused(closed))));
        let unavailable = LedgerError::Unavailable("timeout".to_owned());
        assert_eq!((trial, Admission::Wait { until }), after(Err(unavailable)));
    }

    #[test]
    fn an_open_circuit_is_half_open_when_its_period_has_passed() {
        let circuit = circuit(5, Some(30));
        assert_eq!(CircuitState::Open { until: at(30) }, CircuitState::of(&circuit, at(29)));
        assert_eq!(CircuitState::HalfOpen { since: at(30) }, CircuitState::of(&circuit, at(30)));
        assert_eq!(CircuitState::Closed, CircuitState::of(&Circuit::default(), at(30)));
    }
}
