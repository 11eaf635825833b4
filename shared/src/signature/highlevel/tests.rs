use super::*;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::KeyPair;
use http::HeaderValue;
use std::sync::LazyLock;

const BODY: &[u8] = br#"{"type":"OutboundMessage"}"#;

/// The keys of a platform: the current one, and the previous one.
struct Keys {
    current: Ed25519KeyPair,
    previous: Ed25519KeyPair,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    current: Ed25519KeyPair::generate().unwrap(),
    previous: Ed25519KeyPair::generate().unwrap(),
});

fn info(key: &Ed25519KeyPair) -> String {
    BASE64.encode(key.public_key().as_der().unwrap().as_ref())
}

fn signature(key: &Ed25519KeyPair) -> String {
    BASE64.encode(key.sign(BODY).as_ref())
}

fn trusted() -> [TrustedKey; 1] {
    [info(&KEYS.current).parse().unwrap()]
}

fn headers(signature: &str) -> HeaderMap {
    HeaderMap::from_iter([(X_GHL_SIGNATURE, HeaderValue::from_str(signature).unwrap())])
}

#[test]
fn only_a_signature_of_a_trusted_key_is_accepted() {
    use SignatureError::{MalformedHeader, Mismatch, MissingHeader};
    for (value, expected) in [
        (&*signature(&KEYS.current), Ok(())),
        (&*signature(&KEYS.previous), Err(Mismatch)),
        ("AAAA", Err(Mismatch)),
        ("?", Err(MalformedHeader(LABEL))),
        ("", Err(MalformedHeader(LABEL))),
        ("n/a", Err(MalformedHeader(LABEL))),
        ("N/A", Err(MissingHeader(LABEL))),
    ] {
        assert_eq!(expected, verify(&headers(value), BODY, &trusted()), "{value:?}");
    }
    assert_eq!(Err(MissingHeader(LABEL)), verify(&HeaderMap::new(), BODY, &trusted()));
}

#[test]
fn another_header_is_no_signature() {
    let name = HeaderName::from_static("x-wh-signature");
    let value = HeaderValue::from_str(&signature(&KEYS.current)).unwrap();
    let missing = Err(SignatureError::MissingHeader(LABEL));
    assert_eq!(missing, verify(&HeaderMap::from_iter([(name, value)]), BODY, &trusted()));
}

#[test]
fn a_duplicate_header_is_rejected_even_if_it_is_valid() {
    let mut headers = headers(&signature(&KEYS.current));
    headers.append(X_GHL_SIGNATURE, HeaderValue::from_str(&signature(&KEYS.current)).unwrap());
    assert_eq!(Err(SignatureError::DuplicateHeader(LABEL)), verify(&headers, BODY, &trusted()));
}

#[test]
fn a_changed_body_does_not_match() {
    let headers = headers(&signature(&KEYS.current));
    assert_eq!(Ok(()), verify(&headers, BODY, &trusted()));
    let changed = br#"{"type":"OutboundMessage"} "#;
    assert_eq!(Err(SignatureError::Mismatch), verify(&headers, changed, &trusted()));
}

#[test]
fn any_of_several_keys_is_accepted_and_an_empty_list_never_matches() {
    let headers = headers(&signature(&KEYS.previous));
    let both = [&KEYS.current, &KEYS.previous].map(|key| info(key).parse().unwrap());
    assert_eq!(Err(SignatureError::Mismatch), verify(&headers, BODY, &trusted()));
    assert_eq!(Ok(()), verify(&headers, BODY, &both));
    assert_eq!(Err(SignatureError::Mismatch), verify(&headers, BODY, &[]));
}

#[test]
fn there_is_a_published_key() {
    assert_eq!(1, TrustedKey::published().len());
}

#[test]
fn an_invalid_public_key_is_rejected() {
    let key = info(&KEYS.current);
    let raw = BASE64.encode(KEYS.current.public_key().as_ref());
    for wrong in ["", "key", "AAAA", &key[..40], &raw, &format!("{key}\n"), &BASE64.encode(&[0x30; 44])] {
        assert_eq!(Some(InvalidKey::Malformed), wrong.parse::<TrustedKey>().err(), "{wrong:?}");
    }
}

/// The key that the vendor published for `X-WH-Signature`.
const FORMER_PUBLISHED_KEY: &str = concat!(
    "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAokvo/r9tVgcfZ5DysOSCFrm602qYV0MaAiNnX9O8KxMbiyRKWeL9JpCpVpt4XHIc",
    "BOK4u3cLSqJGOLaPuXw6dO0t6Q/ZVdAV5Phz+ZtzPL16iCGeK9po6D6JHBpbi989mmzMryUnQJezlYJ3DVfBcsedpinheNnyYeFXolrJvcsj",
    "DtfAeRx5ByHQmTnSdFUzuAnC9/GepgLT9SM4nCpvuxmZMxrJt5Rw+VUaQ9B8JSvbMPpez4peKaJPZHBbU3OdeCVx5klVXXZQGNHOs8gF3kvo",
    "V5rTnXV0IknLBXlcKKAQLZcY/Q9rG6Ifi9c+5vqlvHPCUJFT5XUGG5RKgOKUJ062fRtN+rLYZUV+BjafxQauvC8wSWeYja63VSUruvmNj8xk",
    "x2zE/Juc+yjLjTXpIocmaiFeAO6fUtNjDeFVkhf5LNb59vECyrHD2SQIrhgXpO4Q3dVNA5rw576PwTzNh/AMfHKIjE4xQA1SZuYJmNnmVZLI",
    "ZBlQAF9Ntd03rfadZ+yDiOXCCs9FkHibELhCHULgCsnuDJHcrGNd5/Ddm5hxGQ0ASitgHeMZ0kcIOwKDOzOU53lDza6/Y09T7sYJPQe7z0cv",
    "j7aE4B+Ax1ZoZGPzpJlZtGXCsu9aTEGEnKzmsFqwcSsnw3JB31IGKAykT1hhTiaCeIY/OwwwNUY2yvcCAwEAAQ==",
);

#[test]
fn an_rsa_key_is_rejected_by_name() {
    assert_eq!(Some(InvalidKey::Rsa), FORMER_PUBLISHED_KEY.parse::<TrustedKey>().err());
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
    let headers = headers(&BASE64.encode(&signature));
    let verified = |message: &[u8]| verify(&headers, message, &trusted);
    assert_eq!(Ok(()), verified(b"\x72"));
    assert_eq!(Err(SignatureError::Mismatch), verified(b"\x73"));
}

#[test]
fn a_signature_with_a_custom_key_is_accepted_if_that_key_is_trusted() {
    let der = KEYS.previous.to_pkcs8v1().unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(der.as_ref()));
    for file in [der.as_ref(), pem.as_bytes()] {
        let made = SigningKey::read(file).unwrap().sign(BODY);
        assert_eq!(signature(&KEYS.previous), made);
        let headers = headers(&made);
        assert_eq!(Ok(()), verify(&headers, BODY, &[info(&KEYS.previous).parse().unwrap()]));
        assert_eq!(Err(SignatureError::Mismatch), verify(&headers, BODY, &trusted()));
    }
    for file in [&b""[..], b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\x30\x00"] {
        assert_eq!(Some(InvalidSigningKey), SigningKey::read(file).err());
    }
}
