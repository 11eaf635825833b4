//! What customers do through a channel, as requests to the inbound routes and receipts: the same path as for a messaging
//! service's requests.

use crate::channel::{ChannelConfig, ChannelCustomer, CustomerEvent, FileLink, ReceivedFile, StatusLink, StatusReport};
use crate::delivery::envelope::{FromChannel, InboundContent, InboundEnvelope, ProviderReport, ReceiptEnvelope};
use crate::digest::Digest;
use crate::model::integration_name::IntegrationName;
use crate::model::receipt::{DeliveryReceipt, DeliveryStatus};
use crate::model::trace_id::TraceId;
use crate::platform::{PlatformName, Route};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

/// The caller of what arrives through a channel, in logs and in the ledger's keys.
const CALLER: &str = "channel";

/// How long the link to a file is valid. The platform fetches a file when it gets the message, which may be retried for days.
const FILE_LINK_VALIDITY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Where an event arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    pub integration: &'a IntegrationName,
    pub channel: &'a ChannelConfig,
    pub at: Timestamp,
    pub trace_id: Option<&'a TraceId>,
}

impl Arrival<'_> {
    /// What is queued for the platform. Repetitions of an event have the same id.
    ///
    /// # Errors
    /// Never: all members can be serialized.
    pub fn inbound(self, event: &CustomerEvent) -> Result<InboundEnvelope, serde_json::Error> {
        let time = event.time.unwrap_or(self.at);
        let mut body = json!({"messageId": event.message_id, "from": sender(&event.from), "time": time});
        let files: Vec<_> = event.files.iter().filter_map(|file| self.attachment(file)).collect();
        let members =
            [("text", event.text.clone().map(Value::from)), ("attachments", (!files.is_empty()).then(|| files.into()))];
        if let Value::Object(body) = &mut body {
            body.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        Ok(InboundEnvelope {
            integration: self.integration.clone(),
            received_at: self.at,
            trace_id: self.trace_id.cloned(),
            replay: None,
            inbound: InboundContent {
                route: Route::InboundMessages,
                caller: CALLER.to_owned(),
                customer: event.from.id.clone(),
                message_id: Some(event.message_id.clone()),
                fingerprint: fingerprint(event).to_string(),
                body: to_raw_value(&body)?,
                channel: Some(FromChannel { press: event.press.clone() }),
            },
        })
    }

    fn attachment(self, file: &ReceivedFile) -> Option<Value> {
        let expires_at = self.at.checked_add(FILE_LINK_VALIDITY).ok()?.as_second();
        let (reference, mime, filename) = (file.reference.clone(), file.mime.clone(), file.filename.clone());
        let token = FileLink { reference, mime, filename, expires_at }.seal(self.channel.sealer())?;
        let url = self.channel.address().join(&format!("/files/{token}"));
        let mut attachment = json!({"mediaType": file.media_type, "url": url, "mime": file.mime});
        if let (Value::Object(attachment), Some(name)) = (&mut attachment, &file.filename) {
            attachment.insert("filename".to_owned(), json!(name));
        }
        Some(attachment)
    }

    /// The receipt for the platform, in its word for the status if it has one; `None` if the status says nothing about the
    /// whole message.
    #[must_use]
    pub fn receipt(self, platform: PlatformName, link: StatusLink, report: &StatusReport) -> Option<ReceiptEnvelope> {
        let is_last_part = link.is_last;
        if !is_last_part && report.status != DeliveryStatus::Failed {
            return None;
        }
        let receipt = DeliveryReceipt {
            message_id: link.message_id,
            from: None,
            to: link.to,
            status: platform.receipt_status(report.status).unwrap_or(report.status),
            reasons: report.reasons.clone(),
            time: self.at,
            is_final: report.is_final,
            email_message_id: None,
            trace_id: self.trace_id.cloned(),
        };
        Some(ReceiptEnvelope {
            integration: self.integration.clone(),
            received_at: self.at,
            receipt,
            provider: Some(ProviderReport {
                is_last_part,
                code: report.code.clone(),
                replay: link.replay,
                address: link.address,
                without_receipt: link.without_receipt,
            }),
        })
    }
}

fn sender(from: &ChannelCustomer) -> Value {
    let mut sender = json!({"id": from.id, "idType": from.id_type});
    let names = [("nickname", &from.nickname), ("firstName", &from.first_name), ("lastName", &from.last_name)];
    if let Value::Object(sender) = &mut sender {
        let names = names.into_iter().filter_map(|(member, name)| Some((member.to_owned(), json!(name.as_ref()?))));
        sender.extend(names);
    }
    sender
}

/// Distinguishes events with the same id by content, without what may change between two repetitions.
fn fingerprint(event: &CustomerEvent) -> Digest {
    // The title of a pressed button may be missing when the press is repeated.
    let text = event.text.as_deref().filter(|_| event.press.is_none());
    let mut parts = vec![event.from.id.as_str(), text.unwrap_or_default()];
    parts.extend(event.files.iter().map(|file| file.reference.0.as_str()));
    parts.extend(event.press.as_ref().map(|press| press.data.as_str()));
    Digest::of_parts(&parts)
}
