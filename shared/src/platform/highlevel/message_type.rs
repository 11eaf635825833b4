//! What sort of message it is, in HighLevel's words.

/// What sort of message it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageType {
    /// A telephone call.
    Call,
    /// A message left on a voicemail.
    Voicemail,
    /// A short message.
    Sms,
    /// Google Business Messages.
    Gmb,
    /// Facebook.
    Facebook,
    /// Instagram.
    Instagram,
    /// The chat on a website.
    LiveChat,
    /// An electronic mail.
    Email,
    /// WhatsApp.
    WhatsApp,
    /// A channel of a conversation provider.
    Custom,
    /// A note of the staff's, which no customer may see.
    InternalComment,
    /// A sort that was not known when this was written, in letters and digits.
    Other(String),
}

/// What is handed on unless the configuration says otherwise.
pub const FORWARDED: [MessageType; 10] = [
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

/// What may stand before the sort itself.
const PREFIXES: [&str; 5] = ["TYPE_", "CAMPAIGN_", "MANUAL_", "CUSTOM_PROVIDER_", "CUSTOM_"];

impl MessageType {
    /// Reads a `messageType` or a `messageTypeString`, such as `TYPE_SMS` or `TYPE_CUSTOM_PROVIDER_EMAIL`. Case, blanks and
    /// punctuation do not count: the vendor's own documents disagree on them.
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
            // Whatever stands around it: a note must not get out because it has a new name.
            note if note.contains("internalcomment") => Self::InternalComment,
            _ => Self::Other(letters),
        }
    }

    /// Whether it was known when this was written.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_are_documented_or_were_seen_are_known_in_any_case() {
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
    fn type_strings_say_the_same() {
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
