//! Counts what happened to messages that were sent while the stack changed: lost, duplicated, out of order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// When a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Before,
    During,
    After,
}

/// The result of sending a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The response was 2xx: Patchbay must deliver it.
    Accepted,
    /// The response was an unknown outcome: the sender has to check.
    Unknown,
    /// It was refused, or there was no response.
    Refused,
}

/// A message that was sent, with its retries.
#[derive(Debug, Clone)]
pub struct Sent {
    pub id: String,
    /// The sender. Messages of one customer are ordered.
    pub customer: String,
    pub phase: Phase,
    pub outcome: Outcome,
    /// The reason of each retry.
    pub retries: Vec<String>,
}

/// A message that arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub id: String,
    /// The id that marks a repeated delivery as the same one. `None` where deliveries have no id.
    pub delivery_id: Option<String>,
}

/// The counts of one direction.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By phase.
    pub sent: BTreeMap<Phase, usize>,
    /// The messages with a 2xx response, by phase.
    pub accepted: BTreeMap<Phase, usize>,
    pub senders: usize,
    /// The number of retries by reason.
    pub retries: BTreeMap<String, usize>,
    /// Refused, or without a response.
    pub refused: usize,
    /// Unknown outcomes that were reported to the sender.
    pub unknown: usize,
    /// Distinct messages that arrived.
    pub arrived: usize,
    /// Accepted messages that did not arrive.
    pub lost: usize,
    /// Messages that arrived more than once in a way that the receiver cannot detect.
    pub duplicated: usize,
    /// Messages that arrived after a later one of the same customer.
    pub out_of_order: usize,
    /// Repeated deliveries that the receiver detects by their id.
    pub redelivered: usize,
    /// Messages that arrived without having been sent.
    pub unexpected: usize,
}

impl Tally {
    /// Counts. `sent` is in order of sending per customer, `arrived` in order of arrival.
    #[must_use]
    pub fn of(sent: &[Sent], arrived: &[Arrived]) -> Self {
        let mut tally = Self::default();
        // By message: the number of arrivals, and their ids.
        let mut arrivals: HashMap<&str, (usize, BTreeSet<&str>)> = HashMap::new();
        let mut firsts = Vec::new();
        for arrival in arrived {
            let (count, ids) = arrivals.entry(&arrival.id).or_default();
            if *count == 0 {
                firsts.push(arrival.id.as_str());
            }
            *count += 1;
            ids.extend(arrival.delivery_id.as_deref());
        }
        for message in sent {
            *tally.sent.entry(message.phase).or_default() += 1;
            for reason in &message.retries {
                *tally.retries.entry(reason.clone()).or_default() += 1;
            }
            match message.outcome {
                Outcome::Accepted => {
                    *tally.accepted.entry(message.phase).or_default() += 1;
                    tally.lost += usize::from(!arrivals.contains_key(message.id.as_str()));
                }
                Outcome::Unknown => tally.unknown += 1,
                Outcome::Refused => tally.refused += 1,
            }
        }
        for (count, ids) in arrivals.values() {
            // Without ids, each repeat is a duplicate.
            let known = if ids.is_empty() { 0 } else { count - ids.len() };
            tally.redelivered += known;
            tally.duplicated += usize::from(count - known > 1);
        }
        let positions: HashMap<&str, (usize, &str)> = sent
            .iter()
            .enumerate()
            .map(|(at, message)| (message.id.as_str(), (at, message.customer.as_str())))
            .collect();
        let mut latest: HashMap<&str, usize> = HashMap::new();
        for id in &firsts {
            let Some(&(at, customer)) = positions.get(id) else {
                tally.unexpected += 1;
                continue;
            };
            let latest = latest.entry(customer).or_default();
            tally.out_of_order += usize::from(at < *latest);
            *latest = at.max(*latest);
        }
        tally.arrived = firsts.len();
        tally.senders = sent.iter().map(|message| message.customer.as_str()).collect::<BTreeSet<_>>().len();
        tally
    }

    /// Whether no message was lost, duplicated, out of order, refused or unexpected, and messages were accepted in
    /// every phase. Each sender may get one unknown outcome, when the change interrupts it.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let phases = [Phase::Before, Phase::During, Phase::After];
        let flowed = phases.iter().all(|phase| self.accepted.get(phase).is_some_and(|count| *count > 0));
        let faults = [self.lost, self.duplicated, self.out_of_order, self.refused, self.unexpected];
        flowed && self.unknown <= self.senders && faults.iter().all(|count| *count == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 3] = [Phase::Before, Phase::During, Phase::After];

    /// Messages 0, 1 and 2 of one customer, one in each phase, all accepted.
    fn three() -> Vec<Sent> {
        let message = |(number, phase): (usize, &Phase)| Sent {
            id: number.to_string(),
            customer: "ada".to_owned(),
            phase: *phase,
            outcome: Outcome::Accepted,
            retries: Vec::new(),
        };
        PHASES.iter().enumerate().map(message).collect()
    }

    fn arrived(ids: &[(&str, &str)]) -> Vec<Arrived> {
        let arrived = |(id, delivery_id): &(&str, &str)| Arrived {
            id: (*id).to_owned(),
            delivery_id: (!delivery_id.is_empty()).then(|| (*delivery_id).to_owned()),
        };
        ids.iter().map(arrived).collect()
    }

    #[test]
    fn messages_that_arrive_once_and_in_order_are_good() {
        let tally = Tally::of(&three(), &arrived(&[("0", "a"), ("1", "b"), ("2", "c")]));
        assert!(tally.is_good());
        assert_eq!((1, 3), (tally.senders, tally.arrived));
        let one_each = BTreeMap::from(PHASES.map(|phase| (phase, 1)));
        assert_eq!((&one_each, &one_each), (&tally.sent, &tally.accepted));
    }

    #[test]
    fn an_accepted_message_that_does_not_arrive_is_lost() {
        let tally = Tally::of(&three(), &arrived(&[("0", "a"), ("2", "c")]));
        assert_eq!((1, false), (tally.lost, tally.is_good()));
    }

    #[test]
    fn a_message_that_arrives_with_two_ids_is_duplicated() {
        let tally = Tally::of(&three(), &arrived(&[("0", "a"), ("1", "b"), ("1", "x"), ("2", "c")]));
        assert_eq!((1, 0, false), (tally.duplicated, tally.redelivered, tally.is_good()));
    }

    #[test]
    fn a_message_that_arrives_twice_without_ids_is_duplicated() {
        let tally = Tally::of(&three(), &arrived(&[("0", ""), ("1", ""), ("1", ""), ("2", "")]));
        assert_eq!((1, 0, false), (tally.duplicated, tally.redelivered, tally.is_good()));
    }

    #[test]
    fn a_repeated_delivery_with_the_same_id_is_counted_separately() {
        let tally = Tally::of(&three(), &arrived(&[("0", "a"), ("1", "b"), ("1", "b"), ("1", "b"), ("2", "c")]));
        assert_eq!((0, 2, true), (tally.duplicated, tally.redelivered, tally.is_good()));
    }

    #[test]
    fn a_message_that_arrives_after_a_later_one_of_the_same_customer_is_out_of_order() {
        let tally = Tally::of(&three(), &arrived(&[("1", "b"), ("0", "a"), ("2", "c")]));
        assert_eq!((1, false), (tally.out_of_order, tally.is_good()));
    }

    #[test]
    fn a_repeat_of_an_earlier_message_is_not_out_of_order() {
        let tally = Tally::of(&three(), &arrived(&[("0", "a"), ("1", "b"), ("0", "a"), ("2", "c")]));
        assert_eq!((0, true), (tally.out_of_order, tally.is_good()));
    }

    #[test]
    fn customers_do_not_wait_for_each_other() {
        let mut sent = three();
        sent[0].customer = "bob".to_owned();
        let tally = Tally::of(&sent, &arrived(&[("1", "b"), ("2", "c"), ("0", "a")]));
        assert_eq!((0, true), (tally.out_of_order, tally.is_good()));
    }

    #[test]
    fn a_refused_or_unexpected_message_is_not_good() {
        let mut sent = three();
        sent[1].outcome = Outcome::Refused;
        let tally = Tally::of(&sent, &arrived(&[("0", "a"), ("2", "c")]));
        assert_eq!((1, 0, false), (tally.refused, tally.lost, tally.is_good()));
        let tally = Tally::of(&three(), &arrived(&[("0", "a"), ("1", "b"), ("2", "c"), ("3", "d")]));
        assert_eq!((1, false), (tally.unexpected, tally.is_good()));
    }

    /// Adds a message with an unknown outcome during the change.
    fn three_and_an_unknown() -> Vec<Sent> {
        let mut sent = three();
        let unknown = Sent { id: "?".to_owned(), outcome: Outcome::Unknown, ..sent[1].clone() };
        sent.insert(2, unknown);
        sent
    }

    #[test]
    fn a_reported_unknown_outcome_is_neither_lost_nor_duplicated() {
        let sent = three_and_an_unknown();
        for there in [&[("0", ""), ("1", ""), ("2", "")][..], &[("0", ""), ("1", ""), ("?", ""), ("2", "")]] {
            let tally = Tally::of(&sent, &arrived(there));
            assert_eq!((1, true), (tally.unknown, tally.is_good()));
        }
        let twice = Tally::of(&sent, &arrived(&[("0", ""), ("1", ""), ("?", ""), ("?", ""), ("2", "")]));
        assert!(!twice.is_good(), "sent again after an unknown outcome");
    }

    #[test]
    fn each_sender_may_have_one_unknown_outcome() {
        let mut sent = three_and_an_unknown();
        sent.insert(3, Sent { id: "??".to_owned(), ..sent[2].clone() });
        let there = arrived(&[("0", ""), ("1", ""), ("2", "")]);
        assert!(!Tally::of(&sent, &there).is_good());
        sent[3].customer = "bob".to_owned();
        let tally = Tally::of(&sent, &there);
        assert_eq!((2, 2, true), (tally.senders, tally.unknown, tally.is_good()));
    }

    #[test]
    fn messages_with_unknown_outcomes_prove_nothing() {
        let mut sent = three();
        sent.iter_mut().for_each(|message| message.outcome = Outcome::Unknown);
        assert!(!Tally::of(&sent, &[]).is_good());
        // The same when only one phase has unknown outcomes.
        for number in 0..sent.len() {
            let mut sent = three();
            sent[number].outcome = Outcome::Unknown;
            let tally = Tally::of(&sent, &arrived(&[("0", "a"), ("1", "b"), ("2", "c")]));
            assert_eq!((1, false), (tally.unknown, tally.is_good()));
        }
    }

    #[test]
    fn without_messages_during_the_change_nothing_is_proved() {
        let mut sent = three();
        sent[1].phase = Phase::Before;
        assert!(!Tally::of(&sent, &arrived(&[("0", "a"), ("1", "b"), ("2", "c")])).is_good());
        assert!(!Tally::of(&[], &[]).is_good());
    }

    #[test]
    fn reasons_of_retries_are_counted() {
        let mut sent = three();
        sent[0].retries = vec!["502".to_owned()];
        sent[2].retries = vec!["502".to_owned(), "no answer".to_owned()];
        let tally = Tally::of(&sent, &arrived(&[("0", "a"), ("1", "b"), ("2", "c")]));
        assert_eq!(BTreeMap::from([("502".to_owned(), 2), ("no answer".to_owned(), 1)]), tally.retries);
        assert!(tally.is_good());
    }
}
