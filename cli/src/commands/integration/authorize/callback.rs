//! The end of an authorization in the browser: the platform redirects it to this machine, with a code.

use crate::error::CliError;
use crate::ui::output::sanitize;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use url::{Host, Url};

/// More than a request line with a code and a browser's headers.
const MAX_BYTES: usize = 16 * 1024;
/// How long a browser may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Callback<'u> {
    listener: TcpListener,
    redirect_uri: &'u Url,
}

/// The content of an address that the platform has redirected to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    Code(String),
    /// The platform reports an error.
    Refused(String),
    /// It belongs to another run of the command.
    OtherState,
    /// It has no code.
    Other,
}

/// Whether the address is on this machine, so that the command can receive the code.
pub(super) fn is_loopback(url: &Url) -> bool {
    let is_this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(_)) | None => false,
    };
    url.scheme() == "http" && is_this_machine
}

impl<'u> Callback<'u> {
    pub(super) async fn listen(redirect_uri: &'u Url) -> Result<Self, CliError> {
        let port = redirect_uri.port_or_known_default().unwrap_or_default();
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(|error| {
            CliError::Failed(format!(
                "port {port} of this machine cannot be used for the redirect URI ({error}): give the code with --code, \
                 or another --redirect-uri"
            ))
        })?;
        Ok(Self { listener, redirect_uri })
    }

    /// Waits for the code.
    pub(super) async fn code(&self, state: &str, timeout_after: Duration) -> Result<String, CliError> {
        let waiting = async {
            loop {
                let Ok((mut stream, _)) = self.listener.accept().await else { continue };
                let Ok(Some(target)) = timeout(REQUEST_TIMEOUT, request_target(&mut stream)).await else { continue };
                let redirect = self.redirect(&target, state);
                let (status, text) = match &redirect {
                    Redirect::Code(_) => ("200 OK", "The code has arrived. You can close this page."),
                    Redirect::Refused(_) => ("200 OK", "The platform has refused the authorization."),
                    Redirect::OtherState => ("400 Bad Request", "This address belongs to another authorization."),
                    Redirect::Other => ("404 Not Found", "There is nothing here."),
                };
                respond(&mut stream, status, text).await;
                match redirect {
                    Redirect::Code(code) => return Ok(code),
                    Redirect::Refused(reason) => return Err(refused(&reason)),
                    Redirect::OtherState | Redirect::Other => {}
                }
            }
        };
        timeout(timeout_after, waiting).await.unwrap_or_else(|_| {
            Err(CliError::Failed(format!(
                "no code arrived within {} seconds; nothing was changed",
                timeout_after.as_secs()
            )))
        })
    }

    fn redirect(&self, target: &str, state: &str) -> Redirect {
        match self.redirect_uri.join(target) {
            Ok(url) if url.path() == self.redirect_uri.path() => read_redirect(&url, state),
            _ => Redirect::Other,
        }
    }
}

pub(super) fn refused(reason: &str) -> CliError {
    CliError::Failed(format!("the platform refused the authorization: {}", sanitize(reason)))
}

/// Reads an address that the platform has redirected to. It is not documented that the platform returns `state`, so only
/// another one is refused; that the tokens are the location's own is checked later. An error has to have it: any web page can
/// send one.
pub(super) fn read_redirect(url: &Url, state: &str) -> Redirect {
    let parameter =
        |name: &str| url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned());
    let given = parameter("state");
    if given.as_ref().is_some_and(|other| other != state) {
        return Redirect::OtherState;
    }
    match (parameter("code").filter(|code| !code.is_empty()), parameter("error")) {
        (Some(code), _) => Redirect::Code(code),
        (None, Some(_)) if given.is_none() => Redirect::OtherState,
        (None, Some(error)) => Redirect::Refused(error),
        (None, None) => Redirect::Other,
    }
}

/// The target of a GET request.
async fn request_target(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 2048];
    while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        request.extend_from_slice(buffer.get(..count)?);
        if request.len() > MAX_BYTES {
            return None;
        }
    }
    let line = String::from_utf8(request).ok()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    Some(target.to_owned())
}

async fn respond(stream: &mut TcpStream, status: &str, text: &str) {
    let length = text.len();
    let response = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{text}"
    );
    // The code has arrived, even if the browser does not wait for the response.
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_has_a_code_unless_it_is_of_another_run() {
        let read = |query: &str| read_redirect(&format!("http://localhost/c?{query}").parse().unwrap(), "s");
        assert_eq!(Redirect::Code("a b".to_owned()), read("code=a%20b&state=s"));
        assert_eq!(Redirect::Code("a".to_owned()), read("code=a"));
        assert_eq!(Redirect::OtherState, read("code=a&state=t"));
        assert_eq!(Redirect::Refused("access_denied".to_owned()), read("error=access_denied&state=s"));
        assert_eq!(Redirect::OtherState, read("error=access_denied"));
        assert_eq!(Redirect::Other, read("code="));
    }

    #[test]
    fn only_plain_http_on_this_machine_can_be_listened_to() {
        for (uri, expected) in [
            ("http://localhost:8765/callback", true),
            ("http://127.0.0.1/", true),
            ("https://localhost/", false),
            ("http://localhost.example.com/", false),
            ("https://example.com/callback", false),
        ] {
            assert_eq!(expected, is_loopback(&uri.parse().unwrap()), "{uri}");
        }
    }
}
