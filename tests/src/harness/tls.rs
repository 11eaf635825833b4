//! HTTPS servers of the tests, each with a certificate of its own.

use crate::harness::listener::listen;
use axum::Router;
use axum::serve::Listener;
use data_encoding::BASE64;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use uuid::Uuid;

/// A running server. It ends when this is dropped.
pub struct TlsServer {
    pub origin: String,
    roots: PathBuf,
    running: JoinHandle<()>,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.running.abort();
        let _ = std::fs::remove_file(&self.roots);
    }
}

impl TlsServer {
    #[must_use]
    pub fn start(router: Router) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .expect("a key of the certificate");
        let roots = std::env::temp_dir().join(format!("{}.pem", Uuid::new_v4()));
        let pem = BASE64.encode(cert.der());
        std::fs::write(&roots, format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n"))
            .expect("a temporary file");
        let listener = listen();
        let origin = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
        let listener = Acceptor { listener, tls: Arc::new(config).into() };
        let running = tokio::spawn(async move { axum::serve(listener, router).await.expect("the server runs") });
        Self { origin, roots, running }
    }

    /// A file with its certificate, for `SSL_CERT_FILE`.
    #[must_use]
    pub fn roots(&self) -> &str {
        self.roots.to_str().expect("a path in UTF-8")
    }
}

struct Acceptor {
    listener: TcpListener,
    tls: TlsAcceptor,
}

impl Listener for Acceptor {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (connection, address) = Listener::accept(&mut self.listener).await;
            if let Ok(connection) = self.tls.accept(connection).await {
                return (connection, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
