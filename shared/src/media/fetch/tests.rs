use super::*;
use crate::http_client::TrustedRoots;
use crate::media::resolver::tests::{ScriptedDns, look_up};
use crate::media::source::{TrustedOrigin, TrustedOrigins};
use futures::TryStreamExt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A host that sends the same bytes to every request, and then either closes the connection or stalls.
struct SourceHost {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
enum Then {
    Close,
    Stall,
}

impl SourceHost {
    async fn answering(answer: impl Into<Vec<u8>>, then: Then) -> Self {
        let answer = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer_one(stream, answer.clone(), then));
            }
        });
        Self { address, requests }
    }

    /// The URL of a file on this host, as a trusted origin.
    fn trusted(&self) -> MediaUrl {
        let origin = format!("http://{}", self.address);
        let trusted = vec![origin.parse::<TrustedOrigin>().unwrap()];
        MediaUrl::parse(&format!("{origin}/cat.png?key=secret"), &TrustedOrigins::from(trusted)).unwrap()
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn answer_one(mut stream: TcpStream, answer: Vec<u8>, then: Then) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    // The client may have closed the connection: it does not read a response that it rejects.
    let _ = stream.write_all(&answer).await;
    if matches!(then, Then::Close) {
        let _ = stream.shutdown().await;
    }
    // Until the client closes the connection.
    while stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}\r\n{body}")
}

fn http() -> HttpClient {
    HttpClient::new(&TrustedRoots::CompiledIn).unwrap()
}

fn fetcher() -> MediaFetcher {
    MediaFetcher::new(&http()).unwrap()
}

fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Fetches a file of at most six bytes from a trusted origin that sends `answer`.
async fn fetched(answer: String) -> Result<(Option<String>, u64, Vec<u8>), MediaError> {
    let source = SourceHost::answering(answer, Then::Close).await;
    let file = fetcher().fetch(&source.trusted(), 6, in_a_minute()).await?;
    let body = file.body.try_collect::<Vec<_>>().await?;
    Ok((file.content_type, file.length, body.concat()))
}

/// Like [`fetched`], read as a whole.
async fn read(answer: String) -> Result<Bytes, MediaError> {
    let source = SourceHost::answering(answer, Then::Close).await;
    let parts = fetcher().fetch(&source.trusted(), 6, in_a_minute()).await?.read().await?;
    Ok(parts.concat().into())
}

fn public_url(text: &str) -> MediaUrl {
    MediaUrl::parse(text, &TrustedOrigins::default()).unwrap()
}

#[tokio::test]
async fn a_file_up_to_the_maximum_is_fetched_with_and_without_an_announced_length() {
    for (headers, body) in [
        ("content-length: 6\r\n", "abcdef"),
        ("", "abcdef"),
        ("transfer-encoding: chunked\r\n", "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"),
        ("content-encoding: identity\r\n", "abcdef"),
    ] {
        let outcome = fetched(answer("200 OK", headers, body)).await;
        assert_eq!(Ok((None, 6, b"abcdef".to_vec())), outcome, "{headers}");
    }
}

#[tokio::test]
async fn a_file_beyond_the_maximum_is_rejected_with_and_without_an_announced_length() {
    for (headers, body) in [
        ("content-length: 7\r\n", "abcdefg"),
        ("content-length: 9007199254740993\r\n", "abcdefg"),
        ("", "abcdefg"),
        ("transfer-encoding: chunked\r\n", "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
    ] {
        let outcome = fetched(answer("200 OK", headers, body)).await;
        assert_eq!(Err(MediaError::TooLarge { maximum: 6 }), outcome, "{headers}");
    }
}

#[tokio::test]
async fn a_file_whose_announced_length_is_too_large_is_rejected_before_it_is_read() {
    let source = SourceHost::answering(answer("200 OK", "content-length: 7\r\n", ""), Then::Stall).await;
    let error = fetcher().fetch(&source.trusted(), 6, in_a_minute()).await.unwrap_err();
    assert_eq!(MediaError::TooLarge { maximum: 6 }, error);
}

#[tokio::test]
async fn a_file_with_an_announced_length_is_streamed() {
    let source = SourceHost::answering(answer("200 OK", "content-length: 6\r\n", "abc"), Then::Stall).await;
    let mut file = fetcher().fetch(&source.trusted(), 6, in_a_minute()).await.unwrap();
    assert_eq!(6, file.length);
    assert!(file.body.try_next().await.unwrap().is_some_and(|chunk| b"abc".starts_with(&chunk)));
}

#[tokio::test]
async fn bytes_after_the_announced_length_are_ignored() {
    let outcome = fetched(answer("200 OK", "content-length: 3\r\n", "abcdef")).await;
    assert_eq!(Ok((None, 3, b"abc".to_vec())), outcome);
}

#[tokio::test]
async fn a_truncated_file_is_an_error() {
    for (headers, body) in [
        ("content-length: 6\r\n", "abc"),
        ("content-length: 6\r\n", ""),
        ("transfer-encoding: chunked\r\n", "3\r\nabc\r\n"),
        ("transfer-encoding: chunked\r\n", "5\r\nabc"),
    ] {
        assert_eq!(Err(MediaError::Truncated), fetched(answer("200 OK", headers, body)).await, "{headers}{body}");
    }
}

#[tokio::test]
async fn an_empty_file_is_rejected() {
    for (headers, body) in [("content-length: 0\r\n", ""), ("", ""), ("transfer-encoding: chunked\r\n", "0\r\n\r\n")] {
        assert_eq!(Err(MediaError::Empty), fetched(answer("200 OK", headers, body)).await, "{headers}");
    }
}

#[tokio::test]
async fn the_media_type_is_in_lower_case_and_without_parameters() {
    for (header, content_type) in [
        ("content-type: Image/PNG; charset=utf-8\r\n", Some("image/png")),
        ("content-type: image/svg+xml\r\n", Some("image/svg+xml")),
        ("content-type: image\r\n", None),
        ("content-type: /png\r\n", None),
        ("content-type: image/\r\n", None),
        ("content-type: image/p ng\r\n", None),
        ("content-type: image/png/x\r\n", None),
        ("content-type: \r\n", None),
        ("content-type: image/\u{fc}\r\n", None),
        ("", None),
    ] {
        let outcome = fetched(answer("200 OK", &format!("{header}content-length: 1\r\n"), "a")).await;
        assert_eq!(Ok((content_type.map(str::to_owned), 1, b"a".to_vec())), outcome, "{header}");
    }
}

#[tokio::test]
async fn a_compressed_file_is_rejected() {
    for encoding in ["gzip", "br", "identity, gzip", "zstd"] {
        let headers = format!("content-encoding: {encoding}\r\ncontent-length: 6\r\n");
        assert_eq!(Err(MediaError::ContentEncoded), fetched(answer("200 OK", &headers, "abcdef")).await, "{encoding}");
    }
}

#[tokio::test]
async fn only_status_200_is_accepted() {
    for status in [201, 204, 206, 304, 401, 403, 404, 410, 429, 500, 503] {
        let outcome = fetched(answer(&format!("{status} Status"), "content-length: 6\r\n", "abcdef")).await;
        assert_eq!(Err(MediaError::Status(status)), outcome);
    }
}

#[tokio::test]
async fn a_response_that_is_not_http_counts_as_none() {
    for answer in ["", "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"] {
        assert_eq!(Err(MediaError::Unreachable), fetched(answer.to_owned()).await, "{answer}");
    }
}

#[tokio::test]
async fn a_host_that_does_not_listen_is_unreachable() {
    // Bound, so that no other process gets the address.
    let unlistened = TcpSocket::new_v4().unwrap();
    unlistened.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let source = SourceHost { address: unlistened.local_addr().unwrap(), requests: Arc::default() };
    let error = fetcher().fetch(&source.trusted(), 6, in_a_minute()).await.unwrap_err();
    assert_eq!(MediaError::Unreachable, error);
}

#[tokio::test]
async fn a_host_that_does_not_finish_by_the_deadline_times_out() {
    for beginning in [
        String::new(),
        "HTTP/1.1 200 OK\r\n".to_owned(),
        answer("200 OK", "content-length: 6\r\n", "abc"),
        answer("200 OK", "transfer-encoding: chunked\r\n", "3\r\nabc\r\n"),
    ] {
        let source = SourceHost::answering(beginning.clone(), Then::Stall).await;
        let deadline = Instant::now() + Duration::from_millis(200);
        let outcome = match fetcher().fetch(&source.trusted(), 6, deadline).await {
            Ok(file) => file.body.try_collect::<Vec<_>>().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert_eq!(Err(MediaError::Timeout), outcome, "{beginning}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed_not_even_from_a_trusted_origin() {
    let target = SourceHost::answering(answer("200 OK", "content-length: 3\r\n", "abc"), Then::Close).await;
    let location = format!("location: http://{}/\r\ncontent-length: 0\r\n", target.address);
    for status in [301, 302, 303, 307, 308] {
        let outcome = fetched(answer(&format!("{status} Status"), &location, "")).await;
        assert_eq!(Err(MediaError::Status(status)), outcome);
    }
    assert_eq!(0, target.requests());
}

#[tokio::test]
async fn each_file_is_fetched_over_a_new_connection() {
    let source = SourceHost::answering(answer("200 OK", "content-length: 1\r\n", "a"), Then::Stall).await;
    let fetcher = fetcher();
    for requests in [1, 2] {
        let file = fetcher.fetch(&source.trusted(), 6, Instant::now() + Duration::from_secs(5)).await.unwrap();
        assert_eq!(vec!["a"], file.body.try_collect::<Vec<_>>().await.unwrap());
        assert_eq!(requests, source.requests());
    }
}

#[tokio::test]
async fn the_request_contains_no_information_about_us() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = SourceHost { address: listener.local_addr().unwrap(), requests: Arc::default() };
    let served = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        stream.write_all(answer("200 OK", "content-length: 1\r\n", "a").as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    };
    let (url, fetcher) = (source.trusted(), fetcher());
    let (request, file) = tokio::join!(served, fetcher.fetch(&url, 6, in_a_minute()));
    file.unwrap();
    let mut lines: Vec<_> = request.trim_end().lines().collect();
    lines.sort_unstable();
    assert_eq!(
        vec![
            "GET /cat.png?key=secret HTTP/1.1",
            "accept-encoding: identity",
            "accept: */*",
            &format!("host: {}", source.address),
            concat!("user-agent: Patchbay/", env!("CARGO_PKG_VERSION")),
        ],
        lines
    );
}

/// A port to which there must be no connection.
struct Forbidden(std::net::TcpListener);

impl Forbidden {
    fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// The operating system queues connections before they are accepted, so none is missed.
    fn assert_untouched(&self) {
        assert_eq!(ErrorKind::WouldBlock, self.0.accept().unwrap_err().kind());
    }
}

#[tokio::test]
async fn a_name_with_a_private_address_is_never_connected_to() {
    let listener = Forbidden::new();
    for answer in [["127.0.0.1"].as_slice(), &["::1", "127.0.0.1"], &["127.0.0.1", "93.184.215.14"]] {
        let fetcher = MediaFetcher::with_resolver(&http(), ScriptedDns::new([answer])).unwrap();
        let url = public_url(&format!("https://metadata.google.internal:{}/", listener.port()));
        assert_eq!(MediaError::PrivateAddress, fetcher.fetch(&url, 6, in_a_minute()).await.unwrap_err(), "{answer:?}");
    }
    listener.assert_untouched();
}

#[tokio::test]
async fn localhost_is_never_connected_to() {
    let listener = Forbidden::new();
    for name in ["localhost", "LOCALHOST"] {
        let url = public_url(&format!("https://{name}:{}/", listener.port()));
        let error = fetcher().fetch(&url, 6, in_a_minute()).await.unwrap_err();
        assert_eq!(MediaError::PrivateAddress, error, "{name}");
    }
    listener.assert_untouched();
}

#[tokio::test]
async fn a_name_that_is_rebound_to_a_private_address_is_never_connected_to() {
    let listener = Forbidden::new();
    let dns = ScriptedDns::new([&["93.184.215.14"], &["127.0.0.1"], &["127.0.0.1"]]);
    let fetcher = MediaFetcher::with_resolver(&http(), dns.clone()).unwrap();
    let before = look_up(&PublicOnly(dns.clone()), "rebinding.example").await;
    assert_eq!(Ok(vec!["93.184.215.14".to_owned()]), before);
    let url = public_url(&format!("https://rebinding.example:{}/", listener.port()));
    for left in [1, 0] {
        assert_eq!(MediaError::PrivateAddress, fetcher.fetch(&url, 6, in_a_minute()).await.unwrap_err());
        assert_eq!(left, dns.left(), "the name was not looked up again");
    }
    listener.assert_untouched();
}

#[tokio::test]
async fn a_name_without_addresses_is_unresolvable() {
    let fetcher = MediaFetcher::with_resolver(&http(), ScriptedDns::new([])).unwrap();
    let error = fetcher.fetch(&public_url("https://nowhere.example/"), 6, in_a_minute()).await.unwrap_err();
    assert_eq!(MediaError::Unresolvable, error);
}

#[tokio::test]
async fn a_response_from_a_private_address_is_not_used() {
    let source = SourceHost::answering(answer("200 OK", "content-length: 6\r\n", "abcdef"), Then::Close).await;
    for (policy, allowed) in [(AddressPolicy::PublicOnly, false), (AddressPolicy::TrustedOrigin, true)] {
        let response = builder(&http()).build().unwrap().get(source.trusted().url().clone()).send().await.unwrap();
        let outcome = receive(response, policy, 6, in_a_minute()).await;
        assert_eq!(allowed, outcome.is_ok(), "{policy:?}");
        assert!(allowed || matches!(outcome, Err(MediaError::PrivateAddress)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_file_is_read_as_a_whole_with_and_without_an_announced_length() {
    for (headers, body) in [
        ("content-length: 6\r\n", "abcdef"),
        ("", "abcdef"),
        ("transfer-encoding: chunked\r\n", "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"),
    ] {
        assert_eq!(Ok(Bytes::from_static(b"abcdef")), read(answer("200 OK", headers, body)).await, "{headers}");
    }
    assert_eq!(Err(MediaError::Truncated), read(answer("200 OK", "content-length: 6\r\n", "abc")).await);
}

#[tokio::test]
async fn a_host_that_names_another_media_type_does_not_send_the_declared_file() {
    for (named, declared, may_have) in [
        ("content-type: image/png\r\n", "image/png", true),
        ("content-type: Text/Plain; charset=utf-8\r\n", "text/plain; charset=iso-8859-1", true),
        ("", "image/png", true),
        ("content-type: text/html\r\n", "image/png", false),
    ] {
        let headers = format!("content-length: 1\r\n{named}");
        let source = SourceHost::answering(answer("200 OK", &headers, "a"), Then::Close).await;
        let file = fetcher().fetch(&source.trusted(), 6, in_a_minute()).await.unwrap();
        assert_eq!(may_have, file.may_have_type(declared), "{named}");
    }
}
