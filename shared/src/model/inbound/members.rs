//! The members of a customer's message that not every platform has a place for. They carry content or instructions, so a
//! platform without a place for one refuses the message. What only describes the customer or a file may be left out.

use super::{InboundAttachment, InboundEmail, InboundMessage};
use crate::json::fields::{FieldError, pointer};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboundMember {
    Email,
    /// The addresses of an email, and the email that it answers.
    EmailHeader,
    Call,
    ConversationId,
    Channel,
    CustomAttributes,
    Metadata,
    PrefetchConversationId,
    /// A text of a file, such as a caption.
    FileText,
    FileThumbnail,
}

impl InboundMessage {
    /// An error for each member that is none of `supported`.
    #[must_use]
    pub fn unsupported_members(&self, supported: &[InboundMember]) -> Vec<FieldError> {
        let unsupported = self.members().into_iter().filter(|(member, _)| !supported.contains(member));
        unsupported.map(|(_, at)| FieldError::new(at, "is not supported by this platform")).collect()
    }

    /// The members that are present, with their JSON pointers in the request.
    fn members(&self) -> Vec<(InboundMember, String)> {
        let Self {
            meta,
            text: _,
            attachments,
            email,
            call,
            conversation_id,
            channel,
            metadata,
            prefetch_conversation_id,
            trace_id: _,
        } = self;
        let members = [
            (email.is_some(), InboundMember::Email, "/email"),
            (call.is_some(), InboundMember::Call, "/call"),
            (conversation_id.is_some(), InboundMember::ConversationId, "/conversationId"),
            (channel.is_some(), InboundMember::Channel, "/channel"),
            (!meta.custom_attributes.is_empty(), InboundMember::CustomAttributes, "/customAttributes"),
            (!metadata.is_empty(), InboundMember::Metadata, "/metadata"),
            (*prefetch_conversation_id, InboundMember::PrefetchConversationId, "/prefetchConversationId"),
        ];
        let present = members.into_iter().filter(|(is_present, ..)| *is_present);
        let files = attachments.iter().flat_map(InboundAttachment::members);
        let headers = email.iter().flat_map(InboundEmail::header_pointers);
        let headers = headers.map(|pointer| (InboundMember::EmailHeader, pointer));
        let present = present.map(|(_, member, pointer)| (member, pointer)).chain(headers);
        present.map(|(member, pointer)| (member, pointer.to_owned())).chain(files).collect()
    }
}

impl InboundEmail {
    fn header_pointers(&self) -> impl Iterator<Item = &'static str> {
        let Self { subject: _, html: _, from, to, cc, bcc, email_message_id } = self;
        let members = [
            (from.is_some(), "/email/from"),
            (to.is_some(), "/email/to"),
            (!cc.is_empty(), "/email/cc"),
            (!bcc.is_empty(), "/email/bcc"),
            (email_message_id.is_some(), "/email/emailMessageId"),
        ];
        members.into_iter().filter(|(is_present, _)| *is_present).map(|(_, pointer)| pointer)
    }
}

impl InboundAttachment {
    fn members(&self) -> impl Iterator<Item = (InboundMember, String)> {
        let members = [
            (self.text.is_some(), InboundMember::FileText, "text"),
            (self.thumbnail.is_some(), InboundMember::FileThumbnail, "thumbnail"),
        ];
        let present = members.into_iter().filter(|(is_present, ..)| *is_present);
        present.map(|(_, member, name)| (member, pointer(&self.pointer, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::fields;
    use crate::model::platform_name::PlatformName;
    use serde_json::{Value, json};

    /// The JSON pointers of the members that each platform refuses when a message has all of them.
    fn refused(platform: PlatformName, message: Value) -> Vec<String> {
        let message = fields::read(message, InboundMessage::read).unwrap_or_else(|errors| panic!("{errors:?}"));
        let errors = message.unsupported_members(platform.inbound_members());
        errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn each_platform_refuses_by_name_what_it_has_no_place_for() {
        let file = json!({
            "url": "https://e.com/a.png", "mime": "image/png", "text": "t", "thumbnail": {"url": "https://e.com/t.png"},
        });
        let all = json!({
            "messageId": "m", "from": {"id": "c"}, "text": "t", "conversationId": "c",
            "email": {"subject": "s", "from": "f", "to": "t", "cc": "c", "bcc": "b", "emailMessageId": "e"},
            "call": {"to": "1", "from": "2", "status": "busy"},
            "channel": "SMS", "customAttributes": {"a": "b"}, "metadata": {"a": "b"}, "prefetchConversationId": true,
            "attachments": [{"url": "https://e.com/b.png", "mime": "image/png"}, file],
        });
        let email_header = ["/email/from", "/email/to", "/email/cc", "/email/bcc", "/email/emailMessageId"];
        for (platform, expected) in [
            (
                PlatformName::GenesysCloud,
                [&["/email", "/call", "/conversationId", "/channel"], &email_header[..]].concat(),
            ),
            (
                PlatformName::MulticloudCx,
                [
                    &["/call", "/conversationId", "/customAttributes", "/metadata", "/prefetchConversationId"],
                    &email_header[..],
                    &["/attachments/1/thumbnail"],
                ]
                .concat(),
            ),
            (
                PlatformName::HighLevel,
                vec!["/customAttributes", "/metadata", "/prefetchConversationId", "/attachments/1/thumbnail"],
            ),
        ] {
            assert_eq!(expected, refused(platform, all.clone()), "{platform:?}");
        }
    }

    #[test]
    fn a_message_without_these_members_is_for_every_platform() {
        let file = json!({
            "id": "f", "url": "https://e.com/a.png", "mime": "image/png", "mediaType": "File", "sha256": "s",
            "filename": "a.png", "thumbnail": {"url": null},
        });
        let message = json!({
            "messageId": "m", "from": {"id": "c", "nickname": "n"}, "text": "t", "attachment": file, "metadata": {},
            "prefetchConversationId": false,
        });
        for platform in [PlatformName::GenesysCloud, PlatformName::MulticloudCx, PlatformName::HighLevel] {
            assert_eq!(Vec::<String>::new(), refused(platform, message.clone()), "{platform:?}");
        }
    }
}
