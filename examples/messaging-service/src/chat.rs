//! The chats: each customer's messages in order, with their states.

use crate::agents::Agents;
use crate::deliveries::{customer, text};
use crate::own::{Outgoing, Own, State};
use crate::terminal::shown;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use uuid::Uuid;

/// The maximum number of customers. The least recently active one is forgotten first.
const CUSTOMERS: usize = 1_000;
/// The maximum number of entries per customer. The oldest is forgotten first.
const ENTRIES: usize = 1_000;
/// The maximum number of receipts that wait for the response with their message's id.
const WAITING_RECEIPTS: usize = 100;

pub(crate) struct Chats {
    chats: Mutex<HashMap<String, Chat>>,
    /// Starts with the current time, so that versions after a restart are higher than all that a page has seen.
    version: watch::Sender<u64>,
}

struct Chat {
    entries: VecDeque<Entry>,
    /// Receipts without a known message, while a response is pending.
    receipts: VecDeque<Value>,
    agents: Agents,
    id_type: String,
    touched: u64,
    /// Held by the message that is being sent, to keep the order.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// An entry of a chat. It may change, and keeps its position.
#[derive(Clone)]
pub(crate) struct Entry {
    key: String,
    position: u64,
    /// Increases with every change in any chat.
    pub(crate) version: u64,
    shown: Arc<Shown>,
}

enum Shown {
    Delivered(Value),
    Own(Own),
}

impl Default for Chats {
    fn default() -> Self {
        let now = Timestamp::now().as_microsecond();
        Self { chats: Mutex::default(), version: watch::Sender::new(now.try_into().unwrap_or_default()) }
    }
}

impl Entry {
    /// The entry for the page.
    pub(crate) fn json(&self) -> Value {
        let mut json = match &*self.shown {
            Shown::Delivered(shown) => shown.clone(),
            Shown::Own(own) => own.json(),
        };
        if let Value::Object(fields) = &mut json {
            fields.insert("key".to_owned(), self.key.clone().into());
            fields.insert("position".to_owned(), self.position.into());
        }
        json
    }

    fn own(&self) -> Option<&Own> {
        match &*self.shown {
            Shown::Own(own) => Some(own),
            Shown::Delivered(_) => None,
        }
    }
}

impl Chats {
    /// Changes whenever a chat does.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The changes in this customer's chat after `version`, in order.
    pub(crate) fn since(&self, customer: &str, version: u64) -> Vec<Entry> {
        let chats = self.lock();
        let Some(chat) = chats.get(customer) else { return Vec::new() };
        let mut entries: Vec<_> = chat.entries.iter().filter(|entry| entry.version > version).cloned().collect();
        entries.sort_by_key(|entry| entry.version);
        entries
    }

    /// The customers, most recently active first, each with the last text.
    pub(crate) fn customers(&self) -> Vec<Value> {
        let chats = self.lock();
        let mut customers: Vec<_> = chats.iter().collect();
        customers.sort_by_key(|(_, chat)| std::cmp::Reverse(chat.touched));
        customers.into_iter().map(|(customer, chat)| json!({"customer": customer, "last": chat.last()})).collect()
    }

    /// Adds a delivery to the customer's chat.
    pub(crate) fn delivered(&self, webhook_id: &str, delivery: &Value) {
        let customer = customer(delivery);
        if customer.is_empty() {
            return;
        }
        self.change(customer, |chat, version| match text(delivery, "/type") {
            "receipt" => chat.receipt(version, webhook_id, delivery),
            "typing" => chat.put(version, "typing", Shown::Delivered(typing(delivery))),
            "agent.joined" | "agent.left" | "conversation.transferred" | "conversation.ended" => {
                if let Some(words) = chat.agents.apply(delivery) {
                    let event = json!({"kind": "event", "words": words, "time": delivery.pointer("/data/time")});
                    chat.put(version, webhook_id, Shown::Delivered(event));
                }
            }
            _ => {
                if let Some(id_type) = delivery.pointer("/data/to/idType").and_then(Value::as_str) {
                    id_type.clone_into(&mut chat.id_type);
                }
                chat.put(version, webhook_id, Shown::Delivered(message(delivery)));
            }
        });
    }

    /// The customer as the sender of a message.
    pub(crate) fn sender(&self, customer: &str) -> Value {
        let chats = self.lock();
        let id_type = chats.get(customer).map_or("Opaque", |chat| &chat.id_type);
        json!({"id": customer, "idType": id_type, "nickname": customer})
    }

    /// Adds the customer's message to the chat, or marks it as being sent again. The caller holds the returned lock
    /// while it sends.
    pub(crate) fn sending(&self, customer: &str, outgoing: Outgoing) -> Arc<tokio::sync::Mutex<()>> {
        self.change(customer, |chat, version| {
            chat.put(version, &outgoing.message_id.clone(), Shown::Own(Own::sending(outgoing)));
            Arc::clone(&chat.turn)
        })
    }

    /// The message with this id, if it could not be sent.
    pub(crate) fn unsent(&self, customer: &str, message_id: &str) -> Option<Outgoing> {
        let chats = self.lock();
        let entry = chats.get(customer)?.entries.iter().find(|entry| entry.key == message_id)?;
        let own = entry.own()?;
        matches!(own.state, State::Unsent(_)).then(|| own.outgoing.clone())
    }

    /// Records Patchbay's response: the platform's id of the message, or why it was refused.
    pub(crate) fn answered(&self, customer: &str, outgoing: Outgoing, answer: Result<String, String>) {
        let (platform_id, state) = match answer {
            Ok(platform_id) => (Some(platform_id).filter(|id| !id.is_empty()), State::Sent),
            Err(reason) => (None, State::Unsent(reason)),
        };
        self.change(customer, |chat, version| {
            let key = outgoing.message_id.clone();
            chat.put(version, &key, Shown::Own(Own { outgoing, platform_id, state }));
            // Receipts that arrived before the response.
            for delivery in std::mem::take(&mut chat.receipts) {
                chat.receipt(version, &format!("receipt-{}", Uuid::new_v4()), &delivery);
            }
        });
    }

    fn change<T>(&self, customer: &str, change: impl FnOnce(&mut Chat, &mut dyn FnMut() -> u64) -> T) -> T {
        let mut chats = self.lock();
        let mut version = *self.version.borrow();
        let chat = chats.entry(customer.to_owned()).or_insert_with(Chat::new);
        let changed = change(chat, &mut || {
            version += 1;
            version
        });
        chat.touched = version;
        if chats.len() > CUSTOMERS
            && let Some(oldest) =
                chats.iter().min_by_key(|(_, chat)| chat.touched).map(|(customer, _)| customer.clone())
        {
            chats.remove(&oldest);
        }
        self.version.send_replace(version);
        changed
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Chat>> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chat {
    fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            receipts: VecDeque::new(),
            agents: Agents::default(),
            id_type: "Opaque".to_owned(),
            touched: 0,
            turn: Arc::default(),
        }
    }

    /// The last text in one line.
    fn last(&self) -> Option<&Value> {
        self.entries.iter().rev().find_map(|entry| match &*entry.shown {
            Shown::Own(own) => own.outgoing.body.get("text"),
            Shown::Delivered(shown) => shown.get("line"),
        })
    }

    /// Replaces the entry with this key, or adds one.
    fn put(&mut self, next_version: &mut dyn FnMut() -> u64, key: &str, shown: Shown) {
        let (version, shown) = (next_version(), Arc::new(shown));
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
            (entry.version, entry.shown) = (version, shown);
            return;
        }
        self.entries.push_back(Entry { key: key.to_owned(), position: version, version, shown });
        if self.entries.len() > ENTRIES {
            self.entries.pop_front();
        }
    }

    /// A receipt names a message by the platform's id, and may arrive before the response with that id. It waits until
    /// no response is pending. If it still matches no message, it becomes an entry of its own.
    fn receipt(&mut self, next_version: &mut dyn FnMut() -> u64, key: &str, delivery: &Value) {
        let spoken_of = text(delivery, "/data/messageId");
        let (status, reason) = (text(delivery, "/data/status"), text(delivery, "/data/reasons/0/message"));
        let owns = || self.entries.iter().filter_map(Entry::own);
        if let Some(own) = owns().find(|own| own.platform_id.as_deref() == Some(spoken_of)) {
            let (outgoing, platform_id) = (own.outgoing.clone(), own.platform_id.clone());
            let state = State::of_receipt(status, reason);
            let key = outgoing.message_id.clone();
            self.put(next_version, &key, Shown::Own(Own { outgoing, platform_id, state }));
        } else if owns().any(|own| matches!(own.state, State::Sending)) && self.receipts.len() < WAITING_RECEIPTS {
            self.receipts.push_back(delivery.clone());
        } else {
            let shown = json!({"kind": "receipt", "status": status, "reason": reason});
            self.put(next_version, key, Shown::Delivered(shown));
        }
    }
}

fn typing(delivery: &Value) -> Value {
    let duration = delivery.pointer("/data/durationMilliseconds").and_then(Value::as_i64).unwrap_or_default();
    json!({"kind": "typing", "until": Timestamp::now().as_millisecond().saturating_add(duration)})
}

fn message(delivery: &Value) -> Value {
    let data = |field: &str| delivery.pointer(&format!("/data/{field}")).cloned().unwrap_or_default();
    json!({
        "kind": "message",
        "line": shown(delivery),
        "messageId": data("messageId"),
        "nickname": data("from/nickname"),
        "time": data("time"),
        "text": data("text"),
        "content": data("content"),
        "attachments": data("attachments"),
        "platformType": data("platformType"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(customer: &str, text: &str) -> Value {
        json!({"type": "message.text", "data": {"to": {"id": customer}, "text": text}})
    }

    fn receipt(message_id: &str, status: &str) -> Value {
        let data = json!({"direction": "Inbound", "from": {"id": "c"}, "messageId": message_id, "status": status});
        json!({"type": "receipt", "data": data})
    }

    fn outgoing(chats: &Chats) -> Outgoing {
        Outgoing::new("messages", chats.sender("c"), json!({"text": "hello"}))
    }

    fn states(chats: &Chats) -> Vec<Value> {
        chats.since("c", 0).iter().map(|entry| entry.json()["state"].clone()).collect()
    }

    #[test]
    fn only_the_last_entries_of_a_customer_are_remembered() {
        let chats = Chats::default();
        for number in 0..=ENTRIES {
            chats.delivered(&number.to_string(), &text("c", &number.to_string()));
        }
        let entries = chats.since("c", 0);
        assert_eq!((ENTRIES, "1".into()), (entries.len(), entries[0].json()["text"].clone()));
    }

    #[test]
    fn the_least_recently_active_customer_is_forgotten_first() {
        let chats = Chats::default();
        for number in 0..CUSTOMERS {
            chats.delivered(&number.to_string(), &text(&number.to_string(), "hello"));
        }
        chats.delivered("again", &text("0", "hello again"));
        chats.delivered("new", &text("new", "hello"));
        assert_eq!(CUSTOMERS, chats.customers().len());
        assert_eq!((2, 0, 1), (chats.since("0", 0).len(), chats.since("1", 0).len(), chats.since("new", 0).len()));
    }

    #[test]
    fn a_receipt_finds_its_message_before_and_after_the_response() {
        for before in [true, false] {
            let chats = Chats::default();
            let outgoing = outgoing(&chats);
            chats.sending("c", outgoing.clone());
            if before {
                chats.delivered("r", &receipt("p", "Published"));
                assert_eq!(vec![json!("sending")], states(&chats));
            }
            chats.answered("c", outgoing, Ok("p".to_owned()));
            if !before {
                assert_eq!(vec![json!("sent")], states(&chats));
                chats.delivered("r", &receipt("p", "Published"));
            }
            assert_eq!(vec![json!("published")], states(&chats));
        }
    }

    #[test]
    fn a_receipt_for_another_message_is_an_entry_once_the_response_is_there() {
        let chats = Chats::default();
        let outgoing = outgoing(&chats);
        chats.sending("c", outgoing.clone());
        chats.delivered("r", &receipt("another", "Failed"));
        assert_eq!(1, chats.since("c", 0).len());
        chats.answered("c", outgoing, Ok("p".to_owned()));
        assert_eq!(vec![json!("sent"), Value::Null], states(&chats));
    }

    #[test]
    fn only_a_message_that_could_not_be_sent_is_retried() {
        let chats = Chats::default();
        let outgoing = outgoing(&chats);
        let id = outgoing.message_id.clone();
        chats.sending("c", outgoing.clone());
        assert!(chats.unsent("c", &id).is_none());
        chats.answered("c", outgoing.clone(), Err("no".to_owned()));
        assert_eq!(Some(&outgoing.body), chats.unsent("c", &id).as_ref().map(|outgoing| &outgoing.body));
        chats.sending("c", outgoing.clone());
        assert!(chats.unsent("c", &id).is_none());
        chats.answered("c", outgoing, Ok("p".to_owned()));
        assert!(chats.unsent("c", &id).is_none());
    }

    #[test]
    fn a_changed_entry_keeps_its_position_and_is_sent_again() {
        let chats = Chats::default();
        let outgoing = outgoing(&chats);
        chats.sending("c", outgoing.clone());
        chats.delivered("m", &text("c", "hello"));
        let seen = chats.since("c", 0);
        chats.answered("c", outgoing, Ok("p".to_owned()));
        let news = chats.since("c", seen[1].version);
        assert_eq!((1, seen[0].position), (news.len(), news[0].position));
    }
}
