//! The stubs' certificate, for the operations with TLS, and the certificate roots of the functions.

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};

/// The certificate roots of Debian and its derivatives.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

const REQUEST: &str = "[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = extensions\n[name]\nCN = bench\n\
    [extensions]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = critical, CA:FALSE\n";

/// The certificate of the stubs.
pub struct Certificate {
    pub server: Arc<ServerConfig>,
    /// A file with this certificate only.
    file: Bundle,
}

static CERTIFICATE: LazyLock<Option<Certificate>> = LazyLock::new(|| {
    let certificate = Certificate::generate();
    if certificate.is_none() {
        eprintln!("Nothing is measured with TLS: that needs the command openssl");
    }
    certificate
});

impl Certificate {
    /// The certificate of this run. None if the machine cannot generate one.
    #[must_use]
    pub fn get() -> Option<&'static Self> {
        CERTIFICATE.as_ref()
    }

    fn generate() -> Option<Self> {
        let mut openssl = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-config", "/dev/stdin", "-keyout", "/dev/stdout", "-out", "/dev/stdout"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        openssl.stdin.take()?.write_all(REQUEST.as_bytes()).ok()?;
        let pem = openssl.wait_with_output().ok()?.stdout;
        let (key, certificate) =
            (PrivateKeyDer::from_pem_slice(&pem).ok()?, CertificateDer::from_pem_slice(&pem).ok()?);
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().ok()?.with_no_client_auth();
        let server = builder.with_single_cert(vec![certificate], key).ok()?;
        // Readers of certificates skip the key.
        Some(Self { server: Arc::new(server), file: Bundle::new(&String::from_utf8(pem).ok()?)? })
    }
}

/// The system's roots as a folder: a file whose name looks like the hash of a certificate.
static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let folder = std::env::current_exe().ok()?.parent()?.join("certificate-roots");
    std::fs::create_dir_all(&folder).ok()?;
    std::fs::write(folder.join("00000000.0"), system_roots()?).ok()?;
    Some(folder)
});

/// The environment variables with the certificate roots of a function. `SSL_CERT_DIR` is for functions that load the
/// system's roots: one file, as in Lambda. The others ignore it: their roots are compiled in, or those in `SSL_CERT_FILE`.
#[must_use]
pub fn roots(tls: bool) -> Vec<(&'static str, PathBuf)> {
    let folder = FOLDER.clone().map(|folder| ("SSL_CERT_DIR", folder));
    let certificate = Certificate::get().filter(|_| tls);
    folder.into_iter().chain(certificate.map(|certificate| ("SSL_CERT_FILE", certificate.file.path()))).collect()
}

/// The system's certificate roots.
#[must_use]
pub fn system_roots() -> Option<String> {
    std::fs::read_to_string(SYSTEM_BUNDLE).ok()
}

/// A file of certificate roots. It is unlinked, so that nothing is left behind however the program ends.
pub struct Bundle(File);

impl Bundle {
    /// A file with this text.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let name = format!("bench-{}-{:?}.pem", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).ok()?;
        let file = File::open(&path);
        std::fs::remove_file(&path).ok()?;
        file.ok().map(Self)
    }

    /// Its path for other processes, valid while this one runs.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }
}
