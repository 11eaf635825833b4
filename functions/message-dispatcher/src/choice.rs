//! What a customer answered through a channel to offered options: the platform's choice in place of a text.

use crate::dispatcher::Dispatcher;
use serde_json::{Map, Value, json};
use shared::channel::ChannelConfig;
use shared::channel::offer::{Offer, OfferedOption, split_press};
use shared::delivery::envelope::{FromChannel, InboundEnvelope};
use shared::integration::Integration;
use shared::ledger::{self, LedgerError};
use shared::platform::Route;
use std::sync::Arc;

/// What a customer did, as it is posted.
pub(crate) struct Action {
    pub(crate) route: Route,
    pub(crate) body: Value,
    /// The title of the option that the customer chose.
    pub(crate) chosen: Option<String>,
}

impl Action {
    /// The same as a text, for a platform that does not accept the choice; `None` if it is no choice.
    pub(crate) fn as_text(&self, envelope: &InboundEnvelope) -> Option<Self> {
        let chosen = self.chosen.clone().filter(|_| self.route == Route::InboundResponses)?;
        Some(Self::text(body_of(envelope), chosen))
    }

    fn text(mut body: Map<String, Value>, chosen: String) -> Self {
        body.insert("text".to_owned(), chosen.clone().into());
        Self { route: Route::InboundMessages, body: body.into(), chosen: Some(chosen) }
    }
}

impl Dispatcher {
    /// What is to be posted; `None` if there is nothing: a button was pressed whose options and title are no longer known. It
    /// is the same on each attempt, unless two later messages were sent in between.
    pub(crate) async fn action(
        &self,
        envelope: &InboundEnvelope,
        integration: &Arc<Integration>,
    ) -> Result<Option<Action>, LedgerError> {
        let (inbound, body) = (&envelope.inbound, body_of(envelope));
        let unchanged = |body: Map<String, Value>| Action { route: inbound.route, body: body.into(), chosen: None };
        let (Some(from_channel), Some(channel)) = (&inbound.channel, integration.destination.channel()) else {
            return Ok(Some(unchanged(body)));
        };
        let Some((offer, option)) = self.chosen(envelope, from_channel, &body, integration, channel).await? else {
            let is_empty = from_channel.press.is_some() && !body.contains_key("text");
            return Ok(Some(unchanged(body)).filter(|_| !is_empty));
        };
        if !integration.supports(Route::InboundResponses) {
            return Ok(Some(Action::text(body, option.label)));
        }
        let member = |name: &str| body.get(name).cloned().unwrap_or_default();
        let response = json!({
            "messageId": member("messageId"),
            "from": member("from"),
            "time": member("time"),
            "originatingMessageId": offer.message_id,
            "type": option.r#type,
            "text": option.label,
            "payload": option.payload,
        });
        Ok(Some(Action { route: Route::InboundResponses, body: response, chosen: Some(option.label) }))
    }

    /// The option that the customer pressed, or answered by its number or words.
    async fn chosen(
        &self,
        envelope: &InboundEnvelope,
        from_channel: &FromChannel,
        body: &Map<String, Value>,
        integration: &Arc<Integration>,
        channel: &ChannelConfig,
    ) -> Result<Option<(Offer, OfferedOption)>, LedgerError> {
        let (name, customer) = (&integration.name, envelope.inbound.customer.as_str());
        let pressed = from_channel.press.as_ref().and_then(|press| split_press(&press.data));
        // The title of another button says nothing about the options offered last.
        let is_text = from_channel.press.is_none() && !body.contains_key("attachments");
        let text = body.get("text").and_then(Value::as_str).filter(|_| is_text);
        let key = match (pressed, text) {
            (Some((offer_key, _)), _) => ledger::key::offer(name, offer_key),
            (None, Some(_)) if channel.numbers_options() => ledger::key::last_offer(name, customer),
            _ => return Ok(None),
        };
        let Some(sealed) = self.ledger.offer(&key, envelope.received_at).await? else { return Ok(None) };
        // An offer to another customer is none: the key may be known to others.
        let open = |channel: &ChannelConfig| channel.sealer().open(Offer::KIND, &sealed);
        let opened = self.integrations.open_sealed(Arc::clone(integration), open).await;
        let opened = opened.ok().flatten().map(|(_, offer): (_, Offer)| offer);
        let offer = opened.filter(|offer| offer.customer == customer);
        Ok(offer.and_then(|offer| {
            let option = match pressed {
                Some((_, number)) => offer.option(number),
                None => offer.chosen_by(text?),
            };
            option.cloned().map(|option| (offer, option))
        }))
    }
}

/// The body as it was accepted.
fn body_of(envelope: &InboundEnvelope) -> Map<String, Value> {
    serde_json::from_str(envelope.inbound.body.get()).unwrap_or_default()
}
