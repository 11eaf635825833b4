//! What a customer did that could not be posted to the platform, on its way back to the messaging service.

use crate::model::conversation::CustomerAddress;
use crate::model::message::{Direction, InboundFailure, Intent, Message, MessageKind, Party};
use crate::model::platform_name::PlatformName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedInboundFailure {
    pub customer: CustomerAddress,
    /// The messaging service's id of it.
    pub message_id: String,
    /// When it failed.
    pub time: Timestamp,
    pub failure: InboundFailure,
    /// The body of the messaging service's request.
    pub original: Box<RawValue>,
}

impl QueuedInboundFailure {
    pub(super) fn message(&self, platform: PlatformName) -> Message {
        let Self { customer, message_id, time, failure, original: _ } = self;
        let from = Party { id: Some(customer.id.clone()), id_type: customer.id_type.clone(), ..Party::default() };
        let kind = MessageKind::InboundFailed(Box::new(failure.clone()));
        let message = Message::new(platform, message_id.clone(), Direction::Inbound, Intent::Sent, kind);
        Message { from: Some(from), time: Some(time.to_string()), ..message }
    }
}
