//! Reads files that customers sent. They stay at Twilio, which answers with a redirect to a signed URL on another host.
//!
//! Source: <https://www.twilio.com/docs/messaging/api/media-resource>.

use super::api::Client;
use super::config::{Config, Credentials};
use super::sid::Sid;
use crate::channel::error::{FileError, NoAnswer};
use crate::channel::event::FileReference;
use crate::channel::file::read_content;
use crate::http_client::OutboundUrl;
use bytes::Bytes;
use http::{StatusCode, header};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use url::Url;

/// A file may be unknown for some seconds after its webhook.
const DELAYS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

const MESSAGES: &str = "Messages";
const MEDIA: &str = "Media";

/// The message's id and the file's, from the URL in a webhook. Its host is not trusted: it would get the credentials.
pub(super) fn media_reference(url: &str) -> Option<FileReference> {
    let url = Url::parse(url.trim()).ok()?;
    let mut segments = url.path_segments()?.rev();
    let medium = Sid::parse(segments.next()?, &["ME"])?;
    segments.next().filter(|segment| *segment == MEDIA)?;
    let message = Sid::parse(segments.next()?, &["SM", "MM"])?;
    segments.next().filter(|segment| *segment == MESSAGES)?;
    Some(FileReference(format!("{message}/{medium}")))
}

fn parse_reference(reference: &FileReference) -> Option<(Sid, Sid)> {
    let (message, medium) = reference.0.split_once('/')?;
    Some((Sid::parse(message, &["SM", "MM"])?, Sid::parse(medium, &["ME"])?))
}

impl Client {
    /// Reads a file of at most `maximum` bytes. One that Twilio does not know yet is asked for again.
    pub(in crate::channel) async fn read_file(
        &self,
        config: &Config,
        reference: &FileReference,
        maximum: u64,
        deadline: Instant,
    ) -> Result<Bytes, FileError> {
        let (message, medium) = parse_reference(reference).ok_or(FileError::NotFound)?;
        let url = config.account_url(&[MESSAGES, message.as_str(), MEDIA, medium.as_str()]);
        let url = url.ok_or_else(|| FileError::Unavailable("the API's URL is not a base".to_owned()))?;
        for delay in DELAYS {
            match self.follow(config, url.clone(), maximum, deadline).await {
                Err(FileError::NotFound) if Instant::now() + delay < deadline => sleep(delay).await,
                result => return result,
            }
        }
        self.follow(config, url, maximum, deadline).await
    }

    /// Follows one redirect, without the credentials.
    async fn follow(&self, config: &Config, url: Url, maximum: u64, deadline: Instant) -> Result<Bytes, FileError> {
        let first = self.get(url.clone(), Some(&config.credentials), deadline).await?;
        if !first.status().is_redirection() {
            return match first.status() {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(FileError::Credentials),
                _ => read(first, maximum).await,
            };
        }
        let location = first.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
        let location = location.and_then(|location| redirect_target(&url, location));
        let location = location.ok_or_else(|| FileError::Unavailable("it redirects to no https URL".to_owned()))?;
        drop(first);
        read(self.get(location, None, deadline).await?, maximum).await
    }

    async fn get(
        &self,
        url: Url,
        credentials: Option<&Credentials>,
        deadline: Instant,
    ) -> Result<reqwest::Response, FileError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let request = self.request(http::Method::GET, url, credentials).timeout(left);
        self.http().send(request).await.map_err(|error| FileError::Unavailable(NoAnswer::from(&error).cause.to_owned()))
    }
}

/// Where a redirect leads: to https, or to plain http on a loopback address if the API is there as well.
fn redirect_target(from: &Url, location: &str) -> Option<Url> {
    let mut target = from.join(location).ok()?;
    target.set_fragment(None);
    let target: OutboundUrl = target.as_str().parse().ok()?;
    let target = target.url();
    (target.scheme() == "https" || from.scheme() == "http").then(|| target.clone())
}

async fn read(response: reqwest::Response, maximum: u64) -> Result<Bytes, FileError> {
    match response.status() {
        status if status.is_success() => {}
        StatusCode::NOT_FOUND | StatusCode::GONE => return Err(FileError::NotFound),
        status => return Err(FileError::Unavailable(format!("status {}", status.as_u16()))),
    }
    read_content(response, maximum).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_must_lead_to_https_unless_the_api_itself_is_local() {
        let api: Url = "https://api.twilio.com/2010-04-01/x".parse().unwrap();
        let local: Url = "http://127.0.0.1:8080/2010-04-01/x".parse().unwrap();
        for (from, location, target) in [
            (&api, "https://mms.twiliocdn.com/a?key=1#x", Some("https://mms.twiliocdn.com/a?key=1")),
            (&api, "/b", Some("https://api.twilio.com/b")),
            (&api, "http://mms.twiliocdn.com/a", None),
            (&api, "http://127.0.0.1/a", None),
            (&api, "https://user:password@mms.twiliocdn.com/a", None),
            (&api, "file:///etc/passwd", None),
            (&local, "http://127.0.0.1:8081/a", Some("http://127.0.0.1:8081/a")),
            (&local, "/a", Some("http://127.0.0.1:8080/a")),
            (&local, "http://example.com/a", None),
        ] {
            assert_eq!(target, redirect_target(from, location).as_ref().map(Url::as_str), "{location}");
        }
    }

    #[test]
    fn only_the_ids_of_a_message_and_a_file_are_a_reference() {
        let (message, medium) = ("SM22222222222222222222222222222222", "ME33333333333333333333333333333333");
        let whole = format!("{message}/{medium}");
        assert!(parse_reference(&FileReference(whole.clone())).is_some());
        for wrong in ["", "/", message, &format!("{medium}/{message}"), &format!("{whole}/.."), "../ME3"] {
            assert!(parse_reference(&FileReference(wrong.to_owned())).is_none(), "{wrong}");
        }
    }
}
