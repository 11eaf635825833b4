use super::*;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use http::HeaderValue;
use std::sync::LazyLock;

const BODY: &[u8] = br#"{"type":"OutboundMessage"}"#;

/// The keys of a platform: the current one, the previous one, and the legacy one.
struct Keys {
    current: Ed25519KeyPair,
    previous: Ed25519KeyPair,
    legacy: RsaKeyPair,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    current: Ed25519KeyPair::generate().unwrap(),
    previous: Ed25519KeyPair::generate().unwrap(),
    legacy: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
});

fn info(key: &impl AsDer<aws_lc_rs::encoding::PublicKeyX509Der<'static>>) -> String {
    BASE64.encode(key.as_der().unwrap().as_ref())
}

impl Keys {
    fn trusted(&self) -> Vec<TrustedKey> {
        let (current, legacy) = (info(self.current.public_key()), info(self.legacy.public_key()));
        [current, legacy].iter().map(|key| key.parse().unwrap()).collect()
    }

    fn signature(&self) -> String {
        BASE64.encode(self.current.sign(BODY).as_ref())
    }

    fn previous_signature(&self) -> String {
        BASE64.encode(self.previous.sign(BODY).as_ref())
    }

    fn legacy_signature(&self) -> String {
        let mut signature = vec![0; self.legacy.public_modulus_len()];
        self.legacy.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), BODY, &mut signature).unwrap();
        BASE64.encode(&signature)
    }
}

fn headers(ghl: Option<&str>, wh: Option<&str>) -> HeaderMap {
    [(X_GHL_SIGNATURE, ghl), (X_WH_SIGNATURE, wh)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, HeaderValue::from_str(value?).unwrap())))
        .collect()
}

#[test]
fn which_headers_are_accepted_with_and_without_the_legacy_signature() {
    use SignatureError::{MalformedHeader, Mismatch, MissingHeader};
    let (right, wrong, legacy) = (KEYS.signature(), KEYS.previous_signature(), KEYS.legacy_signature());
    let (right, wrong, legacy) = (right.as_str(), wrong.as_str(), legacy.as_str());
    let missing = Err(MissingHeader(GHL_LABEL));
    let missing_both = Err(MissingHeader(WH_LABEL));
    for (ghl, wh, refused, accepted) in [
        (Some(right), None, Ok(()), Ok(())),
        (Some(right), Some("N/A"), Ok(()), Ok(())),
        (Some(right), Some(wrong), Ok(()), Ok(())),
        // An invalid current signature is an error even if the legacy signature is valid.
        (Some(wrong), Some(legacy), Err(Mismatch), Err(Mismatch)),
        (Some(legacy), Some(legacy), Err(Mismatch), Err(Mismatch)),
        (Some("?"), Some(legacy), Err(MalformedHeader(GHL_LABEL)), Err(MalformedHeader(GHL_LABEL))),
        (Some(""), Some(legacy), Err(MalformedHeader(GHL_LABEL)), Err(MalformedHeader(GHL_LABEL))),
        (Some("n/a"), Some(legacy), Err(MalformedHeader(GHL_LABEL)), Err(MalformedHeader(GHL_LABEL))),
        (None, None, missing, missing_both),
        (Some("N/A"), Some("N/A"), missing, missing_both),
        (None, Some(legacy), missing, Ok(())),
        (Some("N/A"), Some(legacy), missing, Ok(())),
        (None, Some(right), missing, Err(Mismatch)),
        (None, Some("?"), missing, Err(MalformedHeader(WH_LABEL))),
    ] {
        let headers = headers(ghl, wh);
        let check = |legacy| verify(&headers, BODY, &KEYS.trusted(), legacy);
        assert_eq!(refused, check(LegacySignature::Refused), "{ghl:?} {wh:?}");
        assert_eq!(accepted, check(LegacySignature::Accepted), "{ghl:?} {wh:?}, legacy accepted");
    }
}

#[test]
fn a_duplicate_header_is_rejected_even_if_it_is_valid() {
    let mut headers = headers(Some(&KEYS.signature()), None);
    headers.append(X_GHL_SIGNATURE, HeaderValue::from_str(&KEYS.signature()).unwrap());
    assert_eq!(
        Err(SignatureError::DuplicateHeader(GHL_LABEL)),
        verify(&headers, BODY, &KEYS.trusted(), LegacySignature::Accepted)
    );
}

#[test]
fn a_changed_body_does_not_match() {
    for (headers, legacy) in [
        (headers(Some(&KEYS.signature()), None), LegacySignature::Refused),
        (headers(None, Some(&KEYS.legacy_signature())), LegacySignature::Accepted),
    ] {
        assert_eq!(Ok(()), verify(&headers, BODY, &KEYS.trusted(), legacy));
        let error = verify(&headers, br#"{"type":"OutboundMessage"} "#, &KEYS.trusted(), legacy);
        assert_eq!(Err(SignatureError::Mismatch), error);
    }
}

#[test]
fn any_of_several_keys_is_accepted_and_an_empty_list_never_matches() {
    let headers = headers(Some(&KEYS.previous_signature()), None);
    let check = |keys: &[TrustedKey]| verify(&headers, BODY, keys, LegacySignature::Refused);
    let mut keys = KEYS.trusted();
    assert_eq!(Err(SignatureError::Mismatch), check(&keys));
    keys.push(info(KEYS.previous.public_key()).parse().unwrap());
    assert_eq!(Ok(()), check(&keys));
    assert_eq!(Err(SignatureError::Mismatch), check(&[]));
}

#[test]
fn the_published_keys_are_one_ed25519_and_one_rsa_key() {
    assert_eq!("[Ed25519, Rsa]", format!("{:?}", TrustedKey::published()));
}

#[test]
fn an_invalid_public_key_is_rejected() {
    let key = info(KEYS.current.public_key());
    let raw = BASE64.encode(KEYS.current.public_key().as_ref());
    for wrong in ["", "key", "AAAA", &key[..40], &raw, &format!("{key}\n"), &BASE64.encode(&[0x30; 44])] {
        assert_eq!(Some(InvalidKey), wrong.parse::<TrustedKey>().err(), "{wrong:?}");
    }
}

#[test]
fn an_rsa_key_of_less_than_2048_bits_is_rejected() {
    let of_1024_bits = concat!(
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCuIH4tKJY3rawrF9wl/FdhcBtPt0JV9Xcu0sO2svGSXCFK2XZ/T8PxVMNKxuJtjLn/",
        "92RJGYTIzDNZlRcZwbCjNGSGzzOFbkgINwF9/Ym7q91CY+GTWQwwqHeMiJRGY+wsvRaTtU4ZFPmR4wYtKq0LPoN1yI8K+GvIWvoQ2nEm",
        "HQIDAQAB",
    );
    assert_eq!(Some(InvalidKey), of_1024_bits.parse::<TrustedKey>().err());
    assert!(info(KEYS.legacy.public_key()).parse::<TrustedKey>().is_ok(), "one of 2048 bits");
}

/// Test 2 of RFC 8032: <https://www.rfc-editor.org/rfc/rfc8032#section-7.1>.
#[test]
fn ed25519_accepts_the_published_signature_of_the_published_message_only() {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let header_of_der = hex("302a300506032b6570032100");
    let key = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let signature = hex(concat!(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ));
    let trusted: [TrustedKey; 1] = [BASE64.encode(&[header_of_der, key].concat()).parse().unwrap()];
    let value = HeaderValue::from_str(&BASE64.encode(&signature)).unwrap();
    let headers = HeaderMap::from_iter([(X_GHL_SIGNATURE, value)]);
    let verified = |message: &[u8]| verify(&headers, message, &trusted, LegacySignature::Refused);
    assert_eq!(Ok(()), verified(b"\x72"));
    assert_eq!(Err(SignatureError::Mismatch), verified(b"\x73"));
}

#[test]
fn a_signature_with_a_custom_key_is_accepted_if_that_key_is_trusted() {
    let der = KEYS.previous.to_pkcs8v1().unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(der.as_ref()));
    for file in [der.as_ref(), pem.as_bytes()] {
        let signature = SigningKey::read(file).unwrap().sign(BODY);
        assert_eq!(KEYS.previous_signature(), signature);
        let headers = HeaderMap::from_iter([(X_GHL_SIGNATURE, HeaderValue::from_str(&signature).unwrap())]);
        let trusted = [info(KEYS.previous.public_key()).parse().unwrap()];
        assert_eq!(Ok(()), verify(&headers, BODY, &trusted, LegacySignature::Refused));
        assert_eq!(Err(SignatureError::Mismatch), verify(&headers, BODY, &KEYS.trusted(), LegacySignature::Refused));
    }
    for file in [&b""[..], b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\x30\x00"] {
        assert_eq!(Some(InvalidSigningKey), SigningKey::read(file).err());
    }
}
