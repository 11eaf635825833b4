//! Twilio's error codes. They come in answers to calls and in status callbacks, and mean the same in both.
//!
//! Source: <https://www.twilio.com/docs/api/errors>.

use crate::model::receipt::{DEFAULT_FAILURE_MESSAGE, FailureReason, ReasonCode};

/// Whether an operator must fix the credentials or the account, after which the same call can succeed.
pub(super) fn is_credentials(code: u32) -> bool {
    matches!(code, 20003 | 20403)
}

/// Whether the same call can succeed later, because nothing was done: too many calls, the sender's queue is full, or the
/// account's daily limit is reached.
pub(super) fn is_temporary(code: u32) -> bool {
    matches!(code, 20429 | 21611 | 63038)
}

/// The reason in the receipt of a message that was not delivered.
pub(super) fn failure(code: Option<u32>) -> FailureReason {
    let (code, message) = code.and_then(meaning).unwrap_or((ReasonCode::GeneralError, DEFAULT_FAILURE_MESSAGE));
    FailureReason { code, message: message.to_owned() }
}

/// The same for a status callback. The message contains Twilio's code, which is kept nowhere else.
pub(super) fn reported_failure(code: Option<u32>) -> FailureReason {
    let mut reason = failure(code);
    if let Some(code) = code {
        reason.message = format!("{} (Twilio error {code})", reason.message);
    }
    reason
}

fn meaning(code: u32) -> Option<(ReasonCode, &'static str)> {
    use ReasonCode::{
        GeneralError, InvalidDestination, InvalidMediaContentLength, InvalidMessageStructure, MessageExpired,
        MessageNotAllowed, RateLimited, RecipientOptedOut, UnsupportedMessage,
    };
    Some(match code {
        20003 | 20403 => (GeneralError, "Twilio did not accept the account's credentials."),
        20404 | 21212 | 21603 | 21606 | 21607 | 21609 | 21663 | 21667 | 21701 | 21703 | 21704 | 63001 | 63007 => {
            (GeneralError, "The sender is not set up correctly at Twilio.")
        }

        21211 => (InvalidDestination, "The customer's number is not valid."),
        21614 | 30006 => (InvalidDestination, "The customer's number cannot receive messages, as a landline cannot."),
        21612 => (InvalidDestination, "The sender cannot reach the customer's number."),
        30005 => (InvalidDestination, "The customer's number is unknown or no longer in use."),
        63003 | 63024 | 63036 => (InvalidDestination, "The customer cannot be reached on this channel."),
        63031 => (InvalidDestination, "The message is addressed to its own sender."),

        21610 => (RecipientOptedOut, "The customer has opted out (STOP)."),
        21408 => (MessageNotAllowed, "Messages to the customer's country are not enabled at Twilio."),
        21608 => (MessageNotAllowed, "A Twilio trial account can only write to verified numbers."),
        30004 => (MessageNotAllowed, "Messages to the customer's number are blocked."),
        30007 => (MessageNotAllowed, "The message was filtered as unwanted."),
        63013 => (MessageNotAllowed, "The message is against the channel's policy."),
        63015 => (MessageNotAllowed, "The customer has not joined the WhatsApp sandbox."),
        63032 => (MessageNotAllowed, "WhatsApp does not allow messages to this customer."),
        63049 => (MessageNotAllowed, "Meta chose not to deliver this marketing message."),
        63016 => (
            MessageNotAllowed,
            "The customer's last message is more than 24 hours old: WhatsApp now allows approved templates only.",
        ),
        30002 | 30024 | 30032 | 30034 | 30037 | 30040..=30042 | 30450 | 30453 | 30485 | 63035 | 63051 => {
            (MessageNotAllowed, "The account or the sender is suspended or not registered.")
        }
        14107 | 30038 | 30039 => (MessageNotAllowed, "The message was stopped because it may be part of a loop."),

        21602 | 21619 => (InvalidMessageStructure, "The message is empty."),
        21617 => (InvalidMessageStructure, "The message is too long."),
        21620 | 63019 => (InvalidMessageStructure, "The file could not be fetched."),
        21654..=21656 | 21658 | 63027..=63030 | 63040..=63042 => {
            (InvalidMessageStructure, "The template or its parameters cannot be used.")
        }
        21624 | 21910 => (InvalidMessageStructure, "The message has parameters that Twilio does not accept."),

        30019 | 63034 => (InvalidMediaContentLength, "The file is too large for the channel."),
        21621 | 30011 => (UnsupportedMessage, "Pictures cannot be sent between the sender and the customer."),
        63005 | 63021 => (UnsupportedMessage, "The channel does not support this kind of content."),

        20429 | 21611 | 63018 | 63038 | 30001 | 30017 | 30022 | 30023 | 30454 => {
            (RateLimited, "Too many messages were sent in a short time.")
        }
        30036 => (MessageExpired, "The message could not be delivered in time."),

        30003 => (GeneralError, "The customer's phone is switched off or cannot be reached."),
        30008 | 30020 | 30021 | 30410 | 30500 | 63002 | 63009 | 63010 | 63012 => {
            (GeneralError, "The message was not delivered, because the carrier or the channel had a problem.")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_the_reason_that_the_platform_gets() {
        for (reason, codes) in [
            (ReasonCode::InvalidDestination, &[21211, 21614, 21612, 30005, 30006, 63003, 63024, 63031, 63036][..]),
            (ReasonCode::RecipientOptedOut, &[21610]),
            (ReasonCode::MessageNotAllowed, &[21408, 21608, 30004, 30007, 63013, 63015, 63032, 63049, 63016]),
            (ReasonCode::MessageNotAllowed, &[30002, 30024, 30032, 30034, 30037, 30040, 30041, 30042, 30450, 30453]),
            (ReasonCode::MessageNotAllowed, &[30485, 63035, 63051, 14107, 30038, 30039]),
            (ReasonCode::InvalidMessageStructure, &[21602, 21617, 21619, 21620, 21624, 21654, 21655, 21656, 21658]),
            (ReasonCode::InvalidMessageStructure, &[21910, 63019, 63027, 63028, 63029, 63030, 63040, 63041, 63042]),
            (ReasonCode::InvalidMediaContentLength, &[30019, 63034]),
            (ReasonCode::UnsupportedMessage, &[21621, 30011, 63005, 63021]),
            (ReasonCode::RateLimited, &[20429, 21611, 63018, 63038, 30001, 30017, 30022, 30023, 30454]),
            (ReasonCode::MessageExpired, &[30036]),
            (ReasonCode::GeneralError, &[20003, 20403, 20404, 21212, 21603, 21606, 21607, 21609, 21663, 21667]),
            (ReasonCode::GeneralError, &[21701, 21703, 21704, 63001, 63007, 30003, 30008, 30020, 30021, 30410]),
            (ReasonCode::GeneralError, &[30500, 63002, 63009, 63010, 63012]),
        ] {
            for code in codes {
                let failure = failure(Some(*code));
                assert_eq!(reason, failure.code, "{code}");
                assert_ne!(DEFAULT_FAILURE_MESSAGE, failure.message, "{code}");
            }
        }
    }

    #[test]
    fn an_unknown_code_is_a_general_error_that_keeps_the_code() {
        let general = |message: &str| FailureReason { code: ReasonCode::GeneralError, message: message.to_owned() };
        assert_eq!(general("The message could not be delivered."), failure(Some(12_345)));
        assert_eq!(general("The message could not be delivered. (Twilio error 12345)"), reported_failure(Some(12_345)));
        assert_eq!(general("The message could not be delivered."), reported_failure(None));
    }

    #[test]
    fn only_what_can_succeed_later_is_tried_again() {
        for (code, credentials, temporary) in [
            (20003, true, false),
            (20403, true, false),
            (20404, false, false),
            (20429, false, true),
            (21611, false, true),
            (63038, false, true),
            (63018, false, false),
            (21610, false, false),
        ] {
            assert_eq!((credentials, temporary), (is_credentials(code), is_temporary(code)), "{code}");
        }
    }
}
