//! The certificate roots that are trusted.

use super::HttpClientError;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The variable that names a file with certificate roots, as in OpenSSL and its relatives.
const ROOTS_FILE: &str = "SSL_CERT_FILE";

/// The certificate roots that are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedRoots {
    /// Mozilla's, which are compiled in. Loading them costs nothing; to parse a file with as many takes milliseconds.
    CompiledIn,
    /// Those in this PEM file, and no others.
    File(PathBuf),
    /// The operating system's.
    System,
}

/// The file with certificate roots cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{ROOTS_FILE}: {} {problem}", path.display())]
pub struct InvalidRoots {
    path: PathBuf,
    problem: String,
}

impl TrustedRoots {
    /// Those of a function: of the file that `SSL_CERT_FILE` names, else the ones that are compiled in.
    #[must_use]
    pub fn from_env() -> Self {
        match std::env::var_os(ROOTS_FILE).filter(|path| !path.is_empty()) {
            Some(path) => Self::File(path.into()),
            None => Self::CompiledIn,
        }
    }

    /// The TLS configuration for these roots. For the system's there is none: the HTTP client has it.
    pub(super) fn client_config(&self) -> Result<Option<ClientConfig>, HttpClientError> {
        let roots = match self {
            Self::CompiledIn => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            Self::File(path) => read(path).map_err(|problem| InvalidRoots { path: path.clone(), problem })?,
            Self::System => return Ok(None),
        };
        let versions = rustls::DEFAULT_VERSIONS;
        let builder =
            ClientConfig::builder_with_provider(Arc::new(default_provider())).with_protocol_versions(versions);
        Ok(Some(builder?.with_root_certificates(roots).with_no_client_auth()))
    }
}

/// Certificates that cannot be used as roots are skipped, as long as one can be.
fn read(path: &Path) -> Result<RootCertStore, String> {
    let unreadable = |error| format!("cannot be read: {error}");
    let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let mut roots = RootCertStore::empty();
    let (_, skipped) = roots.add_parsable_certificates(certificates);
    if skipped > 0 {
        tracing::warn!(skipped, "certificates in {ROOTS_FILE} that cannot be used as roots");
    }
    if roots.is_empty() {
        Err("has no certificate in PEM format that can be used as a root".to_owned())
    } else {
        Ok(roots)
    }
}
