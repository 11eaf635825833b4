//! HighLevel's message types.

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageType {
    Call,
    /// A call of an automatic telephone menu.
    IvrCall,
    Voicemail,
    Sms,
    Rcs,
    Gmb,
    Facebook,
    Instagram,
    TikTok,
    /// Chat on a website.
    LiveChat,
    Email,
    WhatsApp,
    /// A channel of a conversation provider, if nothing says which kind of channel.
    Custom,
    /// A public comment on a post.
    FacebookComment,
    InstagramComment,
    TikTokComment,
    /// A public answer to a review.
    Review,
    /// A note between users, which customers must never see.
    InternalComment,
    /// An unknown type, reduced to letters and digits.
    Other(String),
}

/// The types that are delivered by default: all that a user sends.
pub const DEFAULT_FORWARDED: [MessageType; 17] = [
    MessageType::Call,
    MessageType::IvrCall,
    MessageType::Voicemail,
    MessageType::Sms,
    MessageType::Rcs,
    MessageType::Gmb,
    MessageType::Facebook,
    MessageType::Instagram,
    MessageType::TikTok,
    MessageType::LiveChat,
    MessageType::Email,
    MessageType::WhatsApp,
    MessageType::Custom,
    MessageType::FacebookComment,
    MessageType::InstagramComment,
    MessageType::TikTokComment,
    MessageType::Review,
];

/// Types that record what happened, reduced to letters: an info message in the live chat, a reaction to an SMS, a form that
/// was submitted.
const RECORDS: [&str; 3] = ["livechatinfomessage", "smsreaction", "formsubmission"];

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
            "ivrcall" => Self::IvrCall,
            "voicemail" => Self::Voicemail,
            "sms" | "smsreviewrequest" | "smsnoshowrequest" => Self::Sms,
            "rcs" => Self::Rcs,
            "gmb" => Self::Gmb,
            "fb" | "facebook" => Self::Facebook,
            "ig" | "instagram" => Self::Instagram,
            "tiktok" => Self::TikTok,
            "livechat" | "webchat" => Self::LiveChat,
            "email" => Self::Email,
            "whatsapp" => Self::WhatsApp,
            "custom" => Self::Custom,
            "facebookcomment" => Self::FacebookComment,
            "instagramcomment" => Self::InstagramComment,
            "tiktokcomment" => Self::TikTokComment,
            "review" => Self::Review,
            // Also as part of a longer name: an internal comment must not leak because it has been renamed.
            note if note.contains("internalcomment") => Self::InternalComment,
            _ => Self::Other(letters),
        }
    }

    /// The type of a message with these two words, if it has any. `type_string` is more specific than `word`, which may be
    /// `Custom` for several kinds. The members of an email decide only if no word names the kind.
    #[must_use]
    pub fn resolve(type_string: Option<&Self>, word: Option<&Self>, has_email_members: bool) -> Option<Self> {
        match [type_string, word].into_iter().flatten().min_by_key(|said| said.vagueness()) {
            Some(record) if record.is_record() => Some(record.clone()),
            None | Some(Self::Custom | Self::Other(_)) if has_email_members => Some(Self::Email),
            said => said.cloned(),
        }
    }

    /// Whether it records what happened, and is no message to the customer, such as an internal comment or an activity.
    #[must_use]
    pub fn is_record(&self) -> bool {
        match self {
            Self::InternalComment => true,
            Self::Other(letters) => letters.starts_with("activity") || RECORDS.contains(&letters.as_str()),
            _ => false,
        }
    }

    /// Whether everybody can read messages of this type.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self, Self::FacebookComment | Self::InstagramComment | Self::TikTokComment | Self::Review)
    }

    /// Of two types of one message, the less vague one is right. An internal comment is one if either word says so.
    fn vagueness(&self) -> u8 {
        match self {
            Self::InternalComment => 0,
            Self::Other(_) if self.is_record() => 1,
            Self::Custom => 3,
            Self::Other(_) => 4,
            _ => 2,
        }
    }

    /// The word for the kind in deduplication ids, which is that of the first version: it did not know all of these types.
    pub(super) fn in_deduplication_id(&self) -> &str {
        match self {
            Self::Call => "Call",
            Self::Voicemail => "Voicemail",
            Self::Email => "Email",
            Self::IvrCall => "ivrcall",
            Self::Rcs => "rcs",
            Self::TikTok => "tiktok",
            Self::FacebookComment => "facebookcomment",
            Self::InstagramComment => "instagramcomment",
            Self::TikTokComment => "tiktokcomment",
            Self::Review => "review",
            Self::Other(letters) => letters,
            Self::Sms
            | Self::Gmb
            | Self::Facebook
            | Self::Instagram
            | Self::LiveChat
            | Self::WhatsApp
            | Self::Custom
            | Self::InternalComment => "Text",
        }
    }

    /// Whether the first version had a kind for this type.
    pub(super) fn is_in_the_first_version(&self) -> bool {
        matches!(self.in_deduplication_id(), "Call" | "Voicemail" | "Email" | "Text")
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
            (&["RCS"], MessageType::Rcs),
            (&["TikTok", "TIKTOK"], MessageType::TikTok),
            (&["IVR_Call", "IVR Call"], MessageType::IvrCall),
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
            ("TYPE_RCS", MessageType::Rcs),
            ("TYPE_TIKTOK", MessageType::TikTok),
            ("TYPE_IVR_CALL", MessageType::IvrCall),
            ("TYPE_SMS_REVIEW_REQUEST", MessageType::Sms),
            ("TYPE_SMS_NO_SHOW_REQUEST", MessageType::Sms),
            ("TYPE_CUSTOM_SMS", MessageType::Sms),
            ("TYPE_CUSTOM_EMAIL", MessageType::Email),
            ("TYPE_CUSTOM_CALL", MessageType::Call),
            ("TYPE_FACEBOOK_COMMENT", MessageType::FacebookComment),
            ("TYPE_INSTAGRAM_COMMENT", MessageType::InstagramComment),
            ("TYPE_TIKTOK_COMMENT", MessageType::TikTokComment),
            ("TYPE_REVIEW", MessageType::Review),
            ("TYPE_LIVE_CHAT_INFO_MESSAGE", MessageType::Other("livechatinfomessage".to_owned())),
            ("TYPE_FORM_SUBMISSION", MessageType::Other("formsubmission".to_owned())),
            ("TYPE_SMS_REACTION", MessageType::Other("smsreaction".to_owned())),
            ("TYPE_ACTIVITY_CONTACT", MessageType::Other("activitycontact".to_owned())),
        ] {
            assert_eq!(expected, MessageType::read(word), "{word}");
        }
    }

    #[test]
    fn the_more_specific_of_two_words_is_the_type() {
        let read = |word: &str| (!word.is_empty()).then(|| MessageType::read(word));
        for (type_string, word, expected) in [
            ("TYPE_CUSTOM_PROVIDER_SMS", "Custom", MessageType::Sms),
            ("TYPE_CUSTOM_PROVIDER_EMAIL", "Custom", MessageType::Email),
            ("TYPE_CUSTOM_CALL", "Custom", MessageType::Call),
            ("TYPE_SMS", "Email", MessageType::Sms),
            ("TYPE_PIGEON", "Email", MessageType::Email),
            ("TYPE_PIGEON", "Custom", MessageType::Custom),
            ("TYPE_PIGEON", "Fax", MessageType::Other("pigeon".to_owned())),
            ("", "Fax", MessageType::Other("fax".to_owned())),
            ("TYPE_RCS", "", MessageType::Rcs),
            ("TYPE_INTERNAL_COMMENT", "SMS", MessageType::InternalComment),
            ("TYPE_SMS", "InternalComment", MessageType::InternalComment),
            ("TYPE_ACTIVITY_CONTACT", "SMS", MessageType::Other("activitycontact".to_owned())),
            ("TYPE_LIVE_CHAT_INFO_MESSAGE", "Live_Chat", MessageType::Other("livechatinfomessage".to_owned())),
            ("TYPE_SMS_REACTION", "SMS", MessageType::Other("smsreaction".to_owned())),
            ("TYPE_FORM_SUBMISSION", "Custom", MessageType::Other("formsubmission".to_owned())),
        ] {
            let (type_string, word) = (read(type_string), read(word));
            assert_eq!(Some(expected), MessageType::resolve(type_string.as_ref(), word.as_ref(), false));
        }
        assert_eq!(None, MessageType::resolve(None, None, false));
    }

    #[test]
    fn the_members_of_an_email_decide_only_if_no_word_names_the_kind() {
        let resolve = |word: &str| MessageType::resolve(Some(&MessageType::read(word)), None, true);
        for word in ["Custom", "TYPE_PIGEON"] {
            assert_eq!(Some(MessageType::Email), resolve(word), "{word}");
        }
        assert_eq!(Some(MessageType::Email), MessageType::resolve(None, None, true));
        for named in ["TYPE_SMS", "WhatsApp", "TYPE_CALL", "TYPE_INTERNAL_COMMENT", "TYPE_ACTIVITY_INVOICE"] {
            assert_eq!(Some(MessageType::read(named)), resolve(named), "{named}");
        }
    }

    #[test]
    fn all_types_but_records_and_unknown_ones_are_forwarded_by_default() {
        assert!(DEFAULT_FORWARDED.iter().all(|known| !known.is_record() && !matches!(known, MessageType::Other(_))));
        assert!(!DEFAULT_FORWARDED.contains(&MessageType::InternalComment));
    }
}
