//! The endpoints: what a messaging service replies, which changes with time.

use super::world::{INTEGRATIONS, Integration, Message, World, start};
use crate::record::Lane;
use fastrand::Rng;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
/// How long an attempt takes that is answered, at most.
const MAX_ANSWER_MILLISECONDS: u64 = 200;

#[derive(Debug, Clone, Copy)]
enum Health {
    Healthy,
    /// It answers at once that it is unavailable.
    Refusing,
    /// It does not answer, but takes some messages.
    Silent,
    /// It fails one attempt in two, and takes some of those messages.
    Flaky,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Reply {
    Accepted,
    /// Permanently.
    Refused,
    Unavailable {
        retry_after: Option<Duration>,
    },
    TimedOut,
}

#[derive(Debug, Default)]
pub(super) struct Endpoints {
    phases: HashMap<Integration, Vec<(Timestamp, Health)>>,
    /// The messages that are refused permanently. Their replays are not.
    pub(super) refused: HashSet<u32>,
}

impl Endpoints {
    /// All but the first are unhealthy at times, and healthy from `calm_at` on.
    pub(super) fn random(rng: &mut Rng, calm_at: Timestamp) -> Self {
        let mut phases = HashMap::new();
        for integration in 1..INTEGRATIONS {
            let mut of_integration: Vec<_> = (0..rng.usize(1..=4))
                .map(|_| {
                    let health = [Health::Healthy, Health::Refusing, Health::Silent, Health::Flaky][rng.usize(..4)];
                    (start() + Duration::from_secs(rng.u64(..400)), health)
                })
                .collect();
            of_integration[0].0 = start();
            of_integration.sort_by_key(|(from, _)| *from);
            of_integration.push((calm_at, Health::Healthy));
            phases.insert(integration, of_integration);
        }
        Self { phases, refused: HashSet::new() }
    }

    fn health(&self, integration: Integration, now: Timestamp) -> Health {
        let mut phases = self.phases.get(&integration).into_iter().flatten();
        phases.rfind(|(from, _)| *from <= now).map_or(Health::Healthy, |(_, health)| *health)
    }
}

impl World {
    /// What the endpoint replies to a message, and how long that takes.
    pub(super) fn attempt(&mut self, message: Message, lane: Lane) -> (Reply, Duration) {
        self.figures.attempts += 1;
        let health = self.endpoints.health(message.integration(), self.now);
        let answer_time = Duration::from_millis(self.rng.u64(..MAX_ANSWER_MILLISECONDS) * u64::from(self.rng.bool()));
        let (is_taken, reply) = match health {
            Health::Healthy => (true, Reply::Accepted),
            Health::Refusing => (false, self.unavailable()),
            Health::Silent => (self.rng.u8(..4) == 0, Reply::TimedOut),
            Health::Flaky if self.rng.bool() => (true, Reply::Accepted),
            Health::Flaky => (self.rng.bool(), self.unavailable()),
        };
        let is_refused = self.endpoints.refused.contains(&message.id);
        let duration = if matches!(reply, Reply::TimedOut) { TIMEOUT } else { answer_time };
        match reply {
            Reply::Accepted if is_refused => {
                self.checks.failed(message);
                return (Reply::Refused, duration);
            }
            Reply::Accepted => self.checks.accepted(message, lane, self.now),
            // The messaging service has it, but the worker cannot know.
            _ if is_taken && !is_refused => {
                self.checks.excused.insert(message.key);
                self.checks.accepted(message, lane, self.now);
            }
            _ => {}
        }
        (reply, duration)
    }

    fn unavailable(&mut self) -> Reply {
        let asks_for_delay = self.rng.u8(..5) == 0;
        Reply::Unavailable { retry_after: asks_for_delay.then(|| Duration::from_secs(self.rng.u64(..120))) }
    }
}
