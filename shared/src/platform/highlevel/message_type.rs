//! HighLevel's message types.

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageType {
    Call,
    Voicemail,
    Sms,
    Gmb,
    Facebook,
    Instagram,
    /// Chat on a website.
    LiveChat,
    Email,
    WhatsApp,
    /// A channel of a conversation provider.
    Custom,
    /// A note between users, which customers must never see.
    InternalComment,
    /// An unknown type, reduced to letters and digits.
    Other(String),
}

/// The types that are delivered by default.
pub const DEFAULT_FORWARDED: [MessageType; 10] = [
    MessageType::Call,
    MessageType::Voicemail,
    MessageType::Sms,
    MessageType::Gmb,
    MessageType::Facebook,
    MessageType::Instagram,
    MessageType::LiveChat,
    MessageType::Email,
    MessageType::WhatsApp,
    MessageType::Custom,
];

/// Prefixes of the type itself.
const PREFIXES: [&str; 5] = ["TYPE_", "CAMPAIGN_", "MANUAL_", "CUSTOM_PROVIDER_", "CUSTOM_"];

impl MessageType {
    /// Reads a `messageType` or a `messageTypeString`, such as `TYPE_SMS` or `TYPE_CUSTOM_PROVIDER_EMAIL`. Case, blanks and
    /// punctuation are ignored, because the vendor's documentation is inconsistent.
    #[must_use]
    pub fn read(word: &str) -> Self {
        let word = word.trim().to_ascii_uppercase();
        let bare = PREFIXES.iter().fold(word.as_str(), |rest, prefix| rest.strip_prefix(prefix).unwrap_or(rest));
        let letters: String =
            bare.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        match letters.as_str() {
            "call" => Self::Call,
            "voicemail" => Self::Voicemail,
            "sms" => Self::Sms,
            "gmb" => Self::Gmb,
            "fb" | "facebook" => Self::Facebook,
            "ig" | "instagram" => Self::Instagram,
            "livechat" | "webchat" => Self::LiveChat,
            "email" => Self::Email,
            "whatsapp" => Self::WhatsApp,
            "custom" => Self::Custom,
            // Also as part of a longer name: an internal comment must not leak because it has been renamed.
            note if note.contains("internalcomment") => Self::InternalComment,
            _ => Self::Other(letters),
        }
    }

    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_and_observed_types_are_known_in_any_spelling() {
        for (words, expected) in [
            (&["CALL", "Call", "call"][..], MessageType::Call),
            (&["VoiceMail", "Voicemail"], MessageType::Voicemail),
            (&["SMS", "sms"], MessageType::Sms),
            (&["GMB"], MessageType::Gmb),
            (&["FB", "Facebook"], MessageType::Facebook),
            (&["IG", "Instagram"], MessageType::Instagram),
            (&["Live Chat", "Live_Chat", "live chat"], MessageType::LiveChat),
            (&["Email", "EMAIL"], MessageType::Email),
            (&["WhatsApp"], MessageType::WhatsApp),
            (&["Custom"], MessageType::Custom),
            (&["InternalComment", "Internal_Comment", "INTERNALCOMMENT"], MessageType::InternalComment),
            (&["TYPE_INTERNAL_COMMENT", "Internal Comments", "New InternalComment"], MessageType::InternalComment),
            (&["Carrier-Pigeon"], MessageType::Other("carrierpigeon".to_owned())),
        ] {
            for word in words {
                assert_eq!(expected, MessageType::read(word), "{word}");
            }
        }
    }

    #[test]
    fn type_strings_are_known_as_well() {
        for (word, expected) in [
            ("TYPE_SMS", MessageType::Sms),
            ("TYPE_CALL", MessageType::Call),
            ("TYPE_VOICEMAIL", MessageType::Voicemail),
            ("TYPE_EMAIL", MessageType::Email),
            ("TYPE_GMB", MessageType::Gmb),
            ("TYPE_FACEBOOK", MessageType::Facebook),
            ("TYPE_INSTAGRAM", MessageType::Instagram),
            ("TYPE_LIVE_CHAT", MessageType::LiveChat),
            ("TYPE_WEBCHAT", MessageType::LiveChat),
            ("TYPE_WHATSAPP", MessageType::WhatsApp),
            ("type_custom_provider_sms", MessageType::Sms),
            ("TYPE_CUSTOM_PROVIDER_EMAIL", MessageType::Email),
            ("TYPE_CAMPAIGN_SMS", MessageType::Sms),
            ("TYPE_CAMPAIGN_MANUAL_CALL", MessageType::Call),
            ("TYPE_INTERNAL_COMMENT", MessageType::InternalComment),
            ("TYPE_ACTIVITY_CONTACT", MessageType::Other("activitycontact".to_owned())),
        ] {
            assert_eq!(expected, MessageType::read(word), "{word}");
        }
    }
}
