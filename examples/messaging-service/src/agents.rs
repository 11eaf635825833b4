//! The agents in a customer's conversations, from events that arrive in any order.

use crate::deliveries::text;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// The maximum number of remembered sessions. Then all of them are forgotten.
const SESSIONS: usize = 1_000;

/// By conversation.
#[derive(Default)]
pub(crate) struct Agents(HashMap<String, Conversation>);

#[derive(Default)]
struct Conversation {
    /// The agents' open sessions, with their start.
    open: HashMap<String, Timestamp>,
    /// Sessions do not start again.
    ended: HashSet<String>,
    /// The conversation's last end. It may have been reopened since.
    last_end: Option<Timestamp>,
}

impl Agents {
    /// Applies an event. Returns what to show, if it changes something.
    pub(crate) fn apply(&mut self, delivery: &Value) -> Option<&'static str> {
        let (session, time) = (text(delivery, "/data/sessionId"), text(delivery, "/data/time").parse().ok()?);
        if self.0.values().map(|one| one.open.len() + one.ended.len()).sum::<usize>() >= SESSIONS {
            self.0.clear();
        }
        let conversation = self.0.entry(text(delivery, "/data/conversationId").to_owned()).or_default();
        match text(delivery, "/type") {
            "agent.joined" => conversation.join(session, time).then_some("An agent joined"),
            "agent.left" => conversation.leave(session).then_some("The agent left"),
            "conversation.transferred" => {
                conversation.leave(session).then_some("The agent transferred the conversation")
            }
            "conversation.ended" => conversation.end(time).then_some("The conversation ended"),
            _ => None,
        }
    }
}

impl Conversation {
    fn join(&mut self, session: &str, time: Timestamp) -> bool {
        let is_new = !self.ended.contains(session) && self.last_end.is_none_or(|end| time > end);
        is_new && self.open.insert(session.to_owned(), time).is_none()
    }

    /// The end of an unknown session shows nothing, and keeps a late start from opening it.
    fn leave(&mut self, session: &str) -> bool {
        self.ended.insert(session.to_owned());
        self.open.remove(session).is_some()
    }

    fn end(&mut self, time: Timestamp) -> bool {
        let is_new = self.last_end.is_none_or(|end| time > end);
        self.last_end = self.last_end.max(Some(time));
        self.open.retain(|_, start| *start > time);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(of_type: &str, session: &str, second: u8) -> Value {
        let time = format!("2026-01-02T03:04:{second:02}Z");
        json!({"type": of_type, "data": {"conversationId": "c", "sessionId": session, "time": time}})
    }

    /// All orders of the numbers below `count`.
    fn orders(count: usize) -> Vec<Vec<usize>> {
        let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
        let with_last = |order: Vec<usize>| {
            (0..count).map(move |at| {
                let mut order = order.clone();
                order.insert(at, last);
                order
            })
        };
        orders(last).into_iter().flat_map(with_last).collect()
    }

    #[test]
    fn the_agents_who_are_there_are_the_same_in_every_order_of_events() {
        let events = [
            event("agent.joined", "first", 1),
            event("agent.joined", "second", 2),
            event("conversation.transferred", "first", 3),
            event("agent.joined", "alerted", 2),
            event("agent.left", "alerted", 3),
            event("agent.left", "second", 4),
            event("conversation.ended", "customer", 5),
            event("agent.joined", "after the reopening", 6),
        ];
        let orders = orders(events.len());
        assert_eq!(40_320, orders.len());
        for order in orders {
            let mut agents = Agents::default();
            for number in &order {
                agents.apply(&events[*number]);
            }
            let open: Vec<_> = agents.0["c"].open.keys().map(String::as_str).collect();
            assert_eq!(vec!["after the reopening"], open, "{order:?}");
        }
    }

    #[test]
    fn what_changes_nothing_is_not_shown() {
        let mut agents = Agents::default();
        for ended in ["agent.left", "agent.joined", "agent.left"] {
            assert_eq!(None, agents.apply(&event(ended, "s", 1)), "{ended}");
        }
        assert_eq!(Some("An agent joined"), agents.apply(&event("agent.joined", "t", 1)));
        assert_eq!(Some("The agent left"), agents.apply(&event("agent.left", "t", 2)));
        assert_eq!(Some("The conversation ended"), agents.apply(&event("conversation.ended", "c", 5)));
        for late in [event("conversation.ended", "c", 4), event("agent.joined", "u", 5)] {
            assert_eq!(None, agents.apply(&late), "{late}");
        }
    }
}
