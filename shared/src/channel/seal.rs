//! Seals small documents with a key that is derived from the channel's secrets: encrypted, authenticated, URL-safe.

use crate::model::integration_name::IntegrationName;
use crate::signature::hmac_sha256;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use data_encoding::BASE64URL_NOPAD;
use hmac::Mac;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Seals with the first secret and opens with any, so that secrets can be rotated.
#[derive(Debug)]
pub struct Sealer(Vec<SecretSlice<u8>>);

impl Sealer {
    /// The sealer of an integration whose channel has these secrets.
    #[must_use]
    pub fn new(secrets: &[SecretString], integration: &IntegrationName) -> Self {
        let purpose = format!("channel links of {integration}");
        let derive = |secret: &SecretString| hmac(secret.expose_secret().as_bytes(), &[purpose.as_bytes()]);
        Self(secrets.iter().filter_map(derive).map(SecretSlice::from).collect())
    }

    /// A key for another purpose, derived from each secret; the current one first.
    pub fn derive<'s>(&'s self, purpose: &'s str) -> impl Iterator<Item = SecretSlice<u8>> + 's {
        self.0.iter().filter_map(move |key| hmac(key.expose_secret(), &[purpose.as_bytes()])).map(SecretSlice::from)
    }

    /// The same document always has the same seal, so that a repetition is recognised.
    #[must_use]
    pub fn seal(&self, kind: &str, document: &impl Serialize) -> Option<String> {
        let key = self.0.first()?;
        let mut sealed = serde_json::to_vec(document).ok()?;
        // It depends on all that it is used for. Its 96 bits of an HMAC are practically never those of another document.
        let nonce = hmac(key.expose_secret(), &[kind.as_bytes(), &[0], &sealed])?;
        let nonce: [u8; NONCE_LEN] = nonce.get(..NONCE_LEN)?.try_into().ok()?;
        let aad = Aad::from(kind.as_bytes());
        cipher(key)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        Some(BASE64URL_NOPAD.encode(&[&nonce[..], &sealed].concat()))
    }

    /// The document that was sealed as this kind; `None` for anything else.
    #[must_use]
    pub fn open<T: DeserializeOwned>(&self, kind: &str, token: &str) -> Option<T> {
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        self.0.iter().find_map(|key| {
            let (nonce, aad, mut sealed) =
                (Nonce::assume_unique_for_key(*nonce), Aad::from(kind.as_bytes()), sealed.to_vec());
            let opened = cipher(key)?.open_in_place(nonce, aad, &mut sealed).ok()?;
            serde_json::from_slice(opened).ok()
        })
    }
}

fn cipher(key: &SecretSlice<u8>) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.expose_secret()).ok().map(LessSafeKey::new)
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    hmac_sha256(key, parts).map(|mac| mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secrets: &[&str], integration: &str) -> Sealer {
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        Sealer::new(&secrets, &integration.parse().unwrap())
    }

    #[test]
    fn what_is_sealed_is_hidden_and_opens_only_as_its_kind_and_for_its_integration() {
        let acme = sealer(&["one"], "acme");
        let token = acme.seal("status", &"+15550100").unwrap();
        assert_eq!(Some("+15550100".to_owned()), acme.open("status", &token));
        assert_eq!(Some(token.clone()), acme.seal("status", &"+15550100"));
        assert_eq!(None, acme.open::<String>("file", &token));
        assert_eq!(None, sealer(&["one"], "other").open::<String>("status", &token));
        assert_eq!(None, sealer(&["two"], "acme").open::<String>("status", &token));
        let decoded = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
        assert!(!decoded.windows(8).any(|window| window == b"15550100"));
    }

    #[test]
    fn no_changed_or_shortened_token_opens() {
        let acme = sealer(&["one"], "acme");
        let token = acme.seal("status", &"m").unwrap();
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(None, acme.open::<String>("status", std::str::from_utf8(&changed).unwrap()), "{index}");
            assert_eq!(None, acme.open::<String>("status", &token[..index]), "{index}");
        }
    }

    #[test]
    fn a_token_opens_while_its_secret_is_rotated() {
        let token = sealer(&["old"], "acme").seal("status", &"m").unwrap();
        assert_eq!(Some("m".to_owned()), sealer(&["new", "old"], "acme").open("status", &token));
    }
}
