//! Renders a message of Genesys Cloud as plain text.

use super::content::{
    Attachment as File, AvailableTime, Card, CardAction, Content, ContentItem, DatePicker, List, NotificationTemplate,
    QuickReply, TemplateButton, TemplateParameter,
};
use super::wire::Webhook;
use crate::model::inbound::ChoiceType;
use crate::model::message::Attachment;
use crate::model::message::fallback_text::{Answer, FallbackText, MAX_BYTES, Section, Writer};
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::HashMap;

impl Webhook {
    /// The text for channels without buttons; `None` if it would be empty.
    pub(super) fn fallback_text(&self) -> Option<FallbackText> {
        let mut renderer = Renderer { text: Writer::new(self.text.as_deref()) };
        self.content.iter().for_each(|item| renderer.part(item));
        renderer.text.finish()
    }
}

struct Renderer {
    text: Writer,
}

impl Renderer {
    fn part(&mut self, item: &ContentItem) {
        self.text.section(match &item.content {
            Content::QuickReply(_) => Section::Options,
            Content::Attachment(_) => Section::Files,
            _ => Section::Block,
        });
        match &item.content {
            Content::Attachment(file) => self.file(file),
            Content::Notification(template) => self.template(template),
            Content::QuickReply(reply) => self.quick_reply(reply),
            Content::QuickReplyV2(replies) => {
                self.words(&replies.title);
                replies.actions.iter().flatten().for_each(|reply| self.quick_reply(reply));
            }
            Content::Card(card) => self.card(card),
            Content::Carousel(carousel) => {
                for card in carousel.cards.iter().flatten() {
                    self.text.section(Section::Block);
                    self.card(card);
                }
            }
            Content::DatePicker(picker) => self.date_picker(picker),
            Content::Text(text) => self.words(&text.body),
            Content::Other(value) => self.text.value(value),
        }
    }

    fn words(&mut self, text: &Option<String>) {
        self.text.text(text.as_deref().unwrap_or_default());
    }

    fn file(&mut self, file: &File) {
        self.words(&file.text);
        let File { media_type, url, mime, filename, .. } = file;
        let (media_type, url) = (media_type.clone(), url.clone());
        self.text.file(&Attachment { media_type, url, mime: mime.clone(), filename: filename.clone() });
    }

    fn quick_reply(&mut self, reply: &QuickReply) {
        self.text.option(&label(&reply.text, &reply.extra), answer(ChoiceType::QuickReply, &reply.payload));
    }

    fn card(&mut self, card: &Card) {
        self.text.title(or_empty(&card.title));
        self.words(&card.description);
        self.text.image(member(&card.extra, "imageAltText"), or_empty(&card.image));
        self.words(&card.video);
        let actions = card.actions.as_deref().unwrap_or_default();
        actions.iter().for_each(|action| self.action(action));
        // The default action is usually the same as one of the buttons.
        let is_shown = |action: &CardAction| {
            let same = |other: &CardAction| (&other.url, &other.payload) == (&action.url, &action.payload);
            actions.iter().any(same)
        };
        if let Some(action) = card.default_action.as_ref().filter(|action| !is_shown(action)) {
            self.action(action);
        }
    }

    fn action(&mut self, action: &CardAction) {
        let is = |word: &str| action.r#type.as_deref().is_some_and(|given| given.eq_ignore_ascii_case(word));
        let label = label(&action.text, &action.extra);
        match &action.url {
            Some(url) if !is("Postback") => self.text.link(&label, url),
            // A link is not an option, even without a URL, so it gets no number.
            None if is("Link") => self.text.link(&label, ""),
            _ => self.text.option(&label, answer(ChoiceType::Button, &action.payload)),
        }
    }

    fn date_picker(&mut self, picker: &DatePicker) {
        self.text.title(or_empty(&picker.title));
        self.words(&picker.subtitle);
        self.words(&picker.image_url);
        picker.extra.get("location").into_iter().for_each(|location| self.text.value(location));
        match picker.available_times.as_deref().unwrap_or_default() {
            [] => self.text.text(&days(&picker.date_minimum, &picker.date_maximum)),
            times => times.iter().for_each(|time| {
                self.text.option(&moment(time), answer(ChoiceType::DatePicker, &time.date_time));
            }),
        }
    }

    fn template(&mut self, template: &NotificationTemplate) {
        if let Some(header) = &template.header {
            self.filled_text(or_empty(&header.text), header.parameters.as_ref());
            header.media.iter().for_each(|media| self.file(media));
        }
        let parameters = template.body.as_ref().and_then(|body| body.parameters.as_ref());
        self.filled_text(template.text().unwrap_or_default(), parameters);
        template.footer.iter().for_each(|footer| self.words(&footer.text));
        template.buttons.iter().flatten().for_each(|button| self.button(button));
    }

    fn button(&mut self, button: &TemplateButton) {
        let text = label(&button.text, &button.extra);
        let number = text_or_number(&button.phone_number, &button.extra, "phoneNumber").unwrap_or_default();
        match (or_empty(&button.url), number.as_ref()) {
            ("", "") => {
                let payload = text_or_number(&None, &button.extra, "payload");
                self.text.option(&text, payload.map(|payload| Answer::new(ChoiceType::QuickReply, &payload)));
            }
            ("", number) => self.text.link(&text, number),
            (url, _) => self.text.link(&text, &fill_in(url, &Parameters::of(button.parameters.as_ref()))),
        }
    }

    fn filled_text(&mut self, text: &str, parameters: Option<&List<TemplateParameter>>) {
        self.text.covers(text);
        self.text.text(&fill_in(text, &Parameters::of(parameters)));
    }
}

/// Replaces each placeholder, `{{name}}` or `{{1}}`, for which there is a parameter. It stops at the length limit: a long
/// parameter that is used a thousand times would otherwise produce gigabytes.
fn fill_in(text: &str, parameters: &Parameters<'_>) -> String {
    let (mut filled, mut rest) = (String::new(), text);
    while filled.len() <= MAX_BYTES
        && let Some((before, placeholder)) = rest.split_once("{{")
    {
        let value = name_of(placeholder).and_then(|(name, after)| Some((parameters.value(name)?, after)));
        let (value, after) = value.unwrap_or(("{{", placeholder));
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled + rest
}

/// The name of a placeholder, and the rest of the text.
fn name_of(placeholder: &str) -> Option<(&str, &str)> {
    let (name, after) = placeholder.split_at_checked(placeholder.find(['{', '}'])?)?;
    Some((name.trim(), after.strip_prefix("}}")?))
}

/// The values of placeholders. A placeholder stays in the text if its parameter has no text.
struct Parameters<'p> {
    by_name: HashMap<Cow<'p, str>, Cow<'p, str>>,
    /// An entry for each element of the list, also for invalid ones.
    in_order: Vec<Option<Cow<'p, str>>>,
}

impl<'p> Parameters<'p> {
    fn of(list: Option<&'p List<TemplateParameter>>) -> Self {
        let (mut by_name, mut in_order) = (HashMap::new(), Vec::new());
        for parameter in list.into_iter().flat_map(List::entries) {
            let text = parameter.and_then(|parameter| text_or_number(&parameter.text, &parameter.extra, "text"));
            let name = parameter.and_then(|parameter| text_or_number(&parameter.name, &parameter.extra, "name"));
            if let (Some(name), Some(text)) = (name, &text) {
                by_name.entry(name).or_insert_with(|| text.clone());
            }
            in_order.push(text);
        }
        Self { by_name, in_order }
    }

    /// The parameter with this name, otherwise the one with this number.
    fn value(&self, name: &str) -> Option<&str> {
        let by_number = || self.in_order.get(name.parse::<usize>().ok()?.checked_sub(1)?)?.as_ref();
        self.by_name.get(name).or_else(by_number).map(AsRef::as_ref)
    }
}

fn answer(r#type: ChoiceType, payload: &Option<String>) -> Option<Answer> {
    payload.as_deref().map(|payload| Answer::new(r#type, payload))
}

fn label<'o>(text: &'o Option<String>, extra: &'o Map<String, Value>) -> Cow<'o, str> {
    text_or_number(text, extra, "text").unwrap_or_default()
}

/// A text, or a number instead, which is kept with the fields of unexpected types.
fn text_or_number<'t>(text: &'t Option<String>, extra: &'t Map<String, Value>, name: &str) -> Option<Cow<'t, str>> {
    let number = || Some(Cow::from(extra.get(name)?.as_number()?.to_string()));
    text.as_deref().map(Cow::from).or_else(number)
}

/// A time in a form for people.
fn moment(time: &AvailableTime) -> String {
    let start = or_empty(&time.date_time);
    let start = Pieces::parse(start).ok().and_then(|pieces| {
        let zone = match pieces.offset() {
            None => String::new(),
            Some(PiecesOffset::Zulu) => " UTC".to_owned(),
            Some(offset) => format!(" UTC{}", offset.to_numeric_offset()),
        };
        Some(format!("{} {}{zone}", pieces.date(), pieces.time()?.strftime("%H:%M")))
    });
    match (start.unwrap_or_else(|| or_empty(&time.date_time).to_owned()), time.duration) {
        (start, None | Some(0)) => start,
        (start, Some(seconds)) if seconds % 60 == 0 => format!("{start} ({} min)", seconds / 60),
        (start, Some(seconds)) => format!("{start} ({seconds} s)"),
    }
}

/// A range of days.
fn days(first: &Option<String>, last: &Option<String>) -> String {
    let day = |text: &Option<String>| {
        let text = or_empty(text);
        Pieces::parse(text).map_or_else(|_| text.to_owned(), |pieces| pieces.date().to_string())
    };
    match (day(first), day(last)) {
        (first, last) if first.is_empty() && last.is_empty() => String::new(),
        (first, last) => format!("{first} – {last}"),
    }
}

fn or_empty(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

fn member<'m>(object: &'m Map<String, Value>, name: &str) -> &'m str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
