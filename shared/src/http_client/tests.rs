//! The client against TLS servers on loopback.

use super::*;
use data_encoding::BASE64;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const ANSWER: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone";

/// A server with a certificate of its own, which answers every request on a connection.
struct TlsServer {
    url: Url,
    certificate: String,
    handshakes: Arc<AtomicUsize>,
}

impl TlsServer {
    async fn start() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(rustls::DEFAULT_VERSIONS)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port()).parse().unwrap();
        let certificate = BASE64.encode(cert.der());
        let certificate = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
        let (acceptor, handshakes) = (TlsAcceptor::from(Arc::new(config)), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&handshakes);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (acceptor, counted) = (acceptor.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    let Ok(mut connection) = acceptor.accept(connection).await else { return };
                    counted.fetch_add(1, Ordering::SeqCst);
                    let mut request = Vec::new();
                    while connection.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
                        if request.ends_with(b"\r\n\r\n") {
                            request.clear();
                            connection.write_all(ANSWER).await.unwrap();
                        }
                    }
                });
            }
        });
        Self { url, certificate, handshakes }
    }

    /// A client that trusts this server only.
    fn client(&self) -> HttpClient {
        let file = RootsFile::with(&self.certificate);
        HttpClient::new(&TrustedRoots::File(file.0.clone())).unwrap()
    }

    async fn get(&self, client: &HttpClient) -> Result<u16, String> {
        let response = client.send(client.request(Method::GET, self.url.clone())).await;
        let response = response.map_err(|error| crate::aws::error_chain(&error))?;
        let status = response.status().as_u16();
        read_body_limited(response, 100).await.unwrap();
        Ok(status)
    }
}

/// A file that is removed on drop.
struct RootsFile(PathBuf);

impl RootsFile {
    fn with(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{}.pem", uuid::Uuid::new_v4()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for RootsFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn certificates_in_the_roots_file_are_trusted_and_no_others() {
    let (trusted, other) = (TlsServer::start().await, TlsServer::start().await);
    assert_eq!(Ok(404), trusted.get(&trusted.client()).await);
    let error = other.get(&trusted.client()).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn the_roots_that_are_compiled_in_do_not_trust_a_self_signed_certificate() {
    let server = TlsServer::start().await;
    let error = server.get(&HttpClient::new(&TrustedRoots::CompiledIn).unwrap()).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
}

#[test]
fn a_roots_file_that_is_missing_damaged_or_without_a_certificate_is_an_error_that_names_it() {
    let empty = RootsFile::with("# no certificate\n");
    let damaged = RootsFile::with("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
    let useless = RootsFile::with("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (path, problem) in [
        (&empty.0, "has no certificate in PEM format that can be used as a root"),
        (&useless.0, "has no certificate in PEM format that can be used as a root"),
        (&damaged.0, "cannot be read"),
        (&"/nowhere.pem".into(), "cannot be read"),
    ] {
        let error = HttpClient::new(&TrustedRoots::File(path.clone())).unwrap_err().to_string();
        assert!(error.starts_with(&format!("SSL_CERT_FILE: {} {problem}", path.display())), "{error}");
    }
}

#[tokio::test]
async fn the_first_call_uses_the_connection_that_was_opened_in_advance() {
    let server = TlsServer::start().await;
    let client = server.client();
    client.preconnect([server.url.clone()]).await;
    assert_eq!(1, server.handshakes.load(Ordering::SeqCst));
    assert_eq!(Ok(404), server.get(&client).await);
    assert_eq!(1, server.handshakes.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_answer_delays_the_start_by_one_second_at_most() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
    let client = HttpClient::new(&TrustedRoots::CompiledIn).unwrap();
    let start = tokio::time::Instant::now();
    client.preconnect([url]).await;
    assert_eq!(PRECONNECT_TIMEOUT, start.elapsed());
}

#[tokio::test]
async fn a_connection_is_in_use_until_its_response_is_dropped() {
    let server = TlsServer::start().await;
    let client = server.client();
    assert_eq!(2, client.hosts.available(&server.url));
    let response = client.send(client.request(Method::GET, server.url.clone())).await.unwrap();
    assert_eq!(1, client.hosts.available(&server.url));
    drop(response);
    assert_eq!(2, client.hosts.available(&server.url));
}
