//! A bot: its token and the URLs of its API. The token is part of each of them, so none of them is ever shown.

use crate::http_client::OutboundUrl;
use secrecy::{ExposeSecret, SecretString};
use std::str::FromStr;
use url::Url;

const DEFAULT_API_BASE_URL: &str = "https://api.telegram.org";
/// Telegram's server cuts longer ones off.
const MAX_TOKEN_CHARACTERS: usize = 80;

/// A bot's only credential. Its debug output hides it.
#[derive(Debug, Clone)]
pub struct BotToken(SecretString);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a bot's token, such as 7100001:AAExample, of at most {MAX_TOKEN_CHARACTERS} characters")]
pub struct InvalidBotToken;

impl FromStr for BotToken {
    type Err = InvalidBotToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, secret) = text.split_once(':').ok_or(InvalidBotToken)?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let is_secret = !secret.is_empty() && secret.bytes().all(is_base64url);
        let is_valid = is_id && is_secret && text.len() <= MAX_TOKEN_CHARACTERS;
        if is_valid { Ok(Self(text.into())) } else { Err(InvalidBotToken) }
    }
}

/// The characters of tokens and of webhook secrets.
pub(super) fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// A bot, and where its API is called.
#[derive(Debug, Clone)]
pub struct Bot {
    token: BotToken,
    /// `None` for Telegram's own.
    api_base_url: Option<OutboundUrl>,
}

impl Bot {
    #[must_use]
    pub fn new(token: BotToken, api_base_url: Option<OutboundUrl>) -> Self {
        Self { token, api_base_url }
    }

    /// The number before the token's colon: the bot's user id, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        self.token.0.expose_secret().split(':').next().unwrap_or_default()
    }

    /// The URL of a method. `None` if it cannot be built.
    pub(super) fn method_url(&self, method: &str) -> Option<Url> {
        self.url([&*self.segment(), method])
    }

    /// The URL of a file. `None` if the path leads anywhere else.
    pub(super) fn file_url(&self, path: &str) -> Option<Url> {
        let segments = path.split('/');
        // `.` and `..` are path navigation, encoded or not.
        if segments.clone().any(|segment| matches!(segment, "" | "." | "..")) {
            return None;
        }
        self.url(["file", &*self.segment()].into_iter().chain(segments))
    }

    /// The text without the token, in case a server repeats it.
    pub(super) fn without_token(&self, text: &str) -> String {
        text.replace(self.token.0.expose_secret(), "…")
    }

    fn segment(&self) -> String {
        format!("bot{}", self.token.0.expose_secret())
    }

    fn url<'s>(&self, segments: impl IntoIterator<Item = &'s str>) -> Option<Url> {
        let mut url = match &self.api_base_url {
            Some(base) => base.url().clone(),
            None => DEFAULT_API_BASE_URL.parse().ok()?,
        };
        url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bot(base: Option<&str>) -> Bot {
        Bot::new("7100001:AAx_-9".parse().unwrap(), base.map(|base| base.parse().unwrap()))
    }

    #[test]
    fn a_token_has_the_bots_number_and_a_secret_that_cannot_change_a_path() {
        let longest = format!("7100001:{}", "a".repeat(72));
        assert!(longest.parse::<BotToken>().is_ok());
        for wrong in
            ["", "7100001", ":AA", "7100001:", "x:AA", "71:A/A", "71:A?A", "71:A A", "71:A:A", &(longest + "a")]
        {
            assert!(wrong.parse::<BotToken>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_token_is_in_the_path_and_nowhere_else() {
        let telegram = bot(None);
        assert_eq!("https://api.telegram.org/bot7100001:AAx_-9/getMe", telegram.method_url("getMe").unwrap().as_str());
        let own = bot(Some("http://127.0.0.1:8081/telegram/"));
        let url = own.file_url("photos/file 0?.jpg").unwrap();
        assert_eq!("http://127.0.0.1:8081/telegram/file/bot7100001:AAx_-9/photos/file%200%3F.jpg", url.as_str());
        assert!(!format!("{own:?}").contains("AAx"), "{own:?}");
        assert_eq!("at /bot…/x", own.without_token("at /bot7100001:AAx_-9/x"));
    }

    #[test]
    fn a_path_that_leads_anywhere_else_has_no_url() {
        for path in ["", "/etc/passwd", "photos/../../x", "photos//x", "."] {
            assert_eq!(None, bot(None).file_url(path), "{path}");
        }
    }
}
