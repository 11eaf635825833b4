//! The channels of platforms that have several.

use serde::Serialize;

/// A channel, or a kind of message, in the words of HighLevel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Sms,
    Rcs,
    Email,
    WhatsApp,
    Gmb,
    Instagram,
    Facebook,
    /// One of the company's own channels.
    Custom,
    WebChat,
    LiveChat,
    Call,
    IvrCall,
    CampaignCall,
    CampaignVoicemail,
    TikTok,
    AllInOneChat,
    FormSubmission,
}

impl Channel {
    /// The channels of customers' messages.
    pub const INBOUND: [Self; 17] = [
        Self::Sms,
        Self::Rcs,
        Self::Email,
        Self::WhatsApp,
        Self::Gmb,
        Self::Instagram,
        Self::Facebook,
        Self::Custom,
        Self::WebChat,
        Self::LiveChat,
        Self::Call,
        Self::IvrCall,
        Self::CampaignCall,
        Self::CampaignVoicemail,
        Self::TikTok,
        Self::AllInOneChat,
        Self::FormSubmission,
    ];

    /// The channels of messages to customers.
    pub const OUTBOUND: [Self; 9] = [
        Self::Sms,
        Self::Rcs,
        Self::Email,
        Self::WhatsApp,
        Self::Instagram,
        Self::Facebook,
        Self::Custom,
        Self::LiveChat,
        Self::TikTok,
    ];

    /// These channels by their names.
    #[must_use]
    pub fn named<const N: usize>(channels: [Self; N]) -> [(&'static str, Self); N] {
        channels.map(|channel| (channel.as_str(), channel))
    }

    /// The platform's own spelling, which it compares exactly.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "SMS",
            Self::Rcs => "RCS",
            Self::Email => "Email",
            Self::WhatsApp => "WhatsApp",
            Self::Gmb => "GMB",
            Self::Instagram => "IG",
            Self::Facebook => "FB",
            Self::Custom => "Custom",
            Self::WebChat => "WebChat",
            Self::LiveChat => "Live_Chat",
            Self::Call => "Call",
            Self::IvrCall => "IVR_Call",
            Self::CampaignCall => "Campaign_Call",
            Self::CampaignVoicemail => "Campaign_VoiceMail",
            Self::TikTok => "TIKTOK",
            Self::AllInOneChat => "ALL_IN_ONE_CHAT",
            Self::FormSubmission => "FORM_SUBMISSION",
        }
    }

    #[must_use]
    pub fn is_call(self) -> bool {
        matches!(self, Self::Call | Self::IvrCall | Self::CampaignCall | Self::CampaignVoicemail)
    }
}

impl Serialize for Channel {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
