//! Reads the updates of a bot: its customers' messages and presses.
//!
//! An update that cannot be used is ignored and never refused: Telegram would repeat it for a day, and send the chat's next
//! updates only after it.

use super::content::content;
use crate::channel::event::{ChannelCustomer, ChannelEvent, CustomerEvent, LinkButton, Press};
use crate::channel::offer::split_press;
use crate::digest::Digest;
use crate::json::i_json;
use crate::json::lenient::Members;
use crate::model::message::IdType;
use jiff::Timestamp;

const UNREADABLE: &str = "unreadable update";
/// What an agent sees before the new text of a message.
const EDITED: &str = "Edited: ";
const CHAT_NAME_CHARACTERS: usize = 16;
/// What the button of a chosen option begins with.
pub(super) const CHOSEN: &str = "✓ ";
/// The word that a customer's Start button sends.
const START: &str = "/start";

/// Reads an update to the bot with this id. `accept_start` is whether [`START`] is passed on.
pub(super) fn event(body: &[u8], bot: &str, accept_start: bool) -> ChannelEvent {
    let Ok(body) = i_json::normalized(i_json::without_bom(body)) else { return ChannelEvent::Ignored(UNREADABLE) };
    let event = match serde_json::from_slice(&body) {
        Ok(update) => customer_event(&update, accept_start),
        Err(_) => Err(UNREADABLE),
    };
    event.map_or_else(ChannelEvent::Ignored, |event| {
        let message_id = format!("{}:{}", name_of_chat(bot, &event.from.id), event.message_id);
        ChannelEvent::Customer(Box::new(CustomerEvent { message_id, ..event }))
    })
}

/// Names the chat in ids, which are logged: the chat itself is the customer's address. Another bot numbers its messages in
/// the same chat on its own.
fn name_of_chat(bot: &str, chat: &str) -> String {
    Digest::of_parts(&["telegram chat", bot, chat]).as_str().chars().take(CHAT_NAME_CHARACTERS).collect()
}

/// The event, or why there is none. An update has one member besides its id.
fn customer_event(update: &Members<'_>, accept_start: bool) -> Result<CustomerEvent, &'static str> {
    let event = if let Some(message) = update.object("message") {
        message_event(&message, update)
    } else if let Some(message) = update.object("edited_message") {
        edited_event(&message, update)
    } else if let Some(query) = update.object("callback_query") {
        press_event(&query)
    } else if let Some(change) = update.object("my_chat_member") {
        let status = change.object("new_chat_member").and_then(|member| member.text("status"));
        Err(match status.as_deref() {
            Some("kicked") => "the customer blocked the bot",
            Some("member") => "the customer started the bot",
            _ => "the bot's membership changed",
        })
    } else if update.has("update_id") {
        Err("update of another kind")
    } else {
        Err(UNREADABLE)
    }?;
    let is_start = event.files.is_empty()
        && event.press.is_none()
        && event.text.as_deref().is_some_and(|text| text.split_whitespace().next() == Some(START));
    if is_start && !accept_start { Err("start") } else { Ok(event) }
}

fn message_event(message: &Members<'_>, update: &Members<'_>) -> Result<CustomerEvent, &'static str> {
    let from = customer(message, message.object("from").as_ref())?;
    let content = content(message);
    if content.text.is_none() && content.files.is_empty() {
        return Err("service message");
    }
    let message_id = match message_number(message) {
        Some(id) => id,
        None => update_id(update)?,
    };
    let time = time(message, "date");
    Ok(CustomerEvent { files: content.files, ..text_event(message_id, from, time, content.text) })
}

fn edited_event(message: &Members<'_>, update: &Members<'_>) -> Result<CustomerEvent, &'static str> {
    let from = customer(message, message.object("from").as_ref())?;
    let text = message.text("text").or_else(|| message.text("caption"));
    let text = text.filter(|text| !text.trim().is_empty()).ok_or("edit without a text")?;
    // A message may be edited twice within a second.
    let message_id = update_id(update)?;
    let edited_at = time(message, "edit_date").or_else(|| time(message, "date"));
    Ok(text_event(message_id, from, edited_at, Some(format!("{EDITED}{text}"))))
}

fn update_id(update: &Members<'_>) -> Result<String, &'static str> {
    Ok(format!("u{}", update.id("update_id").ok_or(UNREADABLE)?))
}

/// A press has no time of its own, and its message's time is that of the message.
fn press_event(query: &Members<'_>) -> Result<CustomerEvent, &'static str> {
    let message = query.object("message").ok_or("press of a button elsewhere")?;
    let from = customer(&message, query.object("from").as_ref())?;
    let data = query.text("data").ok_or("press of a button of another kind")?;
    let id = query.id("id").ok_or(UNREADABLE)?;
    let rows = message.object("reply_markup").into_iter().flat_map(|markup| markup.list("inline_keyboard"));
    let buttons = rows.flat_map(|row| serde_json::from_str::<Vec<Members<'_>>>(row.get()).unwrap_or_default());
    let (mut title, mut links) = (None, Vec::new());
    for button in buttons {
        let label = button.text("text");
        if button.text("callback_data").as_ref() == Some(&data) {
            title = title.or(label);
        } else if let (Some(label), Some(url)) = (label, button.text("url")) {
            links.push(LinkButton { label, url });
        }
    }
    // A message that shows its choice already is not edited again.
    let chosen = title.as_deref().and_then(|title| title.strip_prefix(CHOSEN)).map(str::to_owned);
    let message = message_number(&message).filter(|_| chosen.is_none());
    let title = chosen.or(title);
    // A second press of the same button is the same choice.
    let message_id = split_press(&data).map_or_else(|| format!("cq{id}"), |_| format!("p{data}"));
    let press = Press { data, acknowledge: Some(id), message, links };
    Ok(CustomerEvent { press: Some(press), ..text_event(message_id, from, None, title) })
}

fn text_event(
    message_id: String,
    from: ChannelCustomer,
    time: Option<Timestamp>,
    text: Option<String>,
) -> CustomerEvent {
    CustomerEvent { message_id, from, time, text, files: Vec::new(), press: None }
}

/// The customer of a private chat. The chat is the address.
fn customer(message: &Members<'_>, from: Option<&Members<'_>>) -> Result<ChannelCustomer, &'static str> {
    let chat = message.object("chat").ok_or(UNREADABLE)?;
    if chat.text("type").as_deref() != Some("private") {
        return Err("not a private chat");
    }
    if from.and_then(|from| from.flag("is_bot")) == Some(true) {
        return Err("written by a bot");
    }
    let id: i64 = chat.id("id").and_then(|id| id.trim().parse().ok()).ok_or(UNREADABLE)?;
    let person = from.unwrap_or(&chat);
    let name = |member: &str| person.text(member).filter(|name| !name.trim().is_empty());
    let (first_name, last_name) = (name("first_name"), name("last_name"));
    let names: Vec<_> = [&first_name, &last_name].into_iter().flatten().map(String::as_str).collect();
    let nickname = Some(names.join(" ")).filter(|name| !name.is_empty());
    Ok(ChannelCustomer { id: id.to_string(), id_type: IdType::Opaque, nickname, first_name, last_name })
}

/// The number of a message in its chat. A message that is not stored there has the number 0.
fn message_number(message: &Members<'_>) -> Option<String> {
    message.id("message_id").filter(|id| id != "0")
}

/// In seconds since 1970; 0 stands for an unknown time.
fn time(message: &Members<'_>, member: &str) -> Option<Timestamp> {
    let seconds = i64::try_from(message.count(member)?).ok().filter(|seconds| *seconds > 0)?;
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests;
