//! `X-Twilio-Signature`: the base64 of an HMAC-SHA1, keyed with an Auth Token, of the URL and the parameters.
//!
//! The known collision attacks on SHA-1 do not apply to HMAC. A request that is signed with a key of its own (the header
//! `X-Twilio-Webhooks-Signature-Settings`) matches no Auth Token and is refused: such keys cannot be configured.
//! Source: <https://www.twilio.com/docs/usage/webhooks/webhooks-security>; the vendor's libraries.

use super::parameters::Parameters;
use crate::digest::Digest;
use crate::signature::{MatchedSecret, SignatureError, hmac, matches_any, single};
use data_encoding::BASE64;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use url::form_urlencoded;

const X_TWILIO_SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");
const LABEL: &str = "X-Twilio-Signature";

/// In the query of a request whose body is no form: the body's digest, by which the signed URL covers the body.
const BODY_SHA256: &str = "bodySHA256";

/// Verifies the signature of a request to `url` with any of `tokens`; there are several while a token is rotated.
///
/// # Errors
/// The header is missing, duplicated or malformed, or none of the tokens made the signature.
pub(super) fn verify(
    headers: &HeaderMap,
    url: &str,
    body: &[u8],
    tokens: &[SecretString],
) -> Result<MatchedSecret, SignatureError> {
    let signature = single(headers, &X_TWILIO_SIGNATURE, LABEL)?;
    let signature = BASE64.decode(signature.as_bytes()).map_err(|_| SignatureError::MalformedHeader(LABEL))?;
    // The fragment has settings for Twilio, which neither sends nor signs it.
    let url = url.split('#').next().unwrap_or_default();
    let parameters = match body_digest(url) {
        Some(digest) if digest != Digest::of_bytes(body).as_str() => return Err(SignatureError::Mismatch),
        Some(_) => String::new(),
        None if Parameters::are_too_many(body) => return Err(SignatureError::Mismatch),
        None => Parameters::parse(body).signed_text(),
    };
    let [without_port, with_port] = with_either_port(url).map(|url| url + &parameters);
    let matches = |signed: String| matches_any::<Hmac<Sha1>>(&signature, signed.as_bytes(), tokens);
    matches(without_port).or_else(|_| matches(with_port))
}

/// The header with the signature of a form that is posted to `url`. `None` if the token is no key.
pub(super) fn sign(url: &str, form: &[u8], token: &SecretString) -> Option<(HeaderName, String)> {
    let parameters = Parameters::parse(form).signed_text();
    let mac = hmac::<Hmac<Sha1>>(token.expose_secret().as_bytes(), &[url.as_bytes(), parameters.as_bytes()])?;
    Some((X_TWILIO_SIGNATURE, BASE64.encode(&mac.finalize().into_bytes())))
}

fn body_digest(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == BODY_SHA256).map(|(_, digest)| digest.into_owned())
}

/// The URL without its port, and with it: Twilio signs either. The rest stays as it is, encoding included.
fn with_either_port(url: &str) -> [String; 2] {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let default_port = if scheme.eq_ignore_ascii_case("http") { "80" } else { "443" };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => (host, port),
        _ => (authority, default_port),
    };
    [format!("{scheme}://{host}{path}"), format!("{scheme}://{host}:{port}{path}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    const BASE: &str = "https://patchbay.example.com/channels/acme-sms";
    const A: &str = "ToCountry=US&ToState=&SmsMessageSid=SM11111111111111111111111111111111&NumMedia=0&ToCity=&FromZip=&SmsSid=SM11111111111111111111111111111111&SmsStatus=received&FromCity=&Body=+H%C3%A9llo+%F0%9F%91%8B+1%2B1%3D2+%26+more+&FromCountry=US&To=%2B15005550006&MessagingServiceSid=MG44444444444444444444444444444444&NumSegments=1&MessageSid=SM11111111111111111111111111111111&AccountSid=AC00000000000000000000000000000000&From=%2B15005550010&ApiVersion=2010-04-01";
    const B: &str = "SmsSid=SM11111111111111111111111111111111&SmsStatus=delivered&MessageStatus=delivered&To=%2B15005550010&MessageSid=SM11111111111111111111111111111111&AccountSid=AC00000000000000000000000000000000&From=%2B15005550006&ApiVersion=2010-04-01&RawDlrDoneDate=2601020304";
    const PLAIN: &str = "6I7/SDuSohOxUGUTt6IT0JIu/Y0=";
    const WITH_PORT_443: &str = "g0IZXN4B9cLOI46m7tI3zdUz7YY=";
    const WITH_PORT_8443: &str = "WDSgXVxCyjZ97FYzwYV33vIfmtw=";
    const WITH_SLASH: &str = "+/TGKBscRce6QmsiRpeX+nC7fBs=";

    fn headers(signatures: &[&str]) -> HeaderMap {
        let values = signatures.iter().map(|signature| HeaderValue::from_str(signature).unwrap());
        let mut headers = HeaderMap::new();
        values.for_each(|value| _ = headers.append(X_TWILIO_SIGNATURE, value));
        headers
    }

    fn check(url: &str, body: &str, signature: &str) -> Result<MatchedSecret, SignatureError> {
        verify(&headers(&[signature]), url, body.as_bytes(), &[TOKEN.into()])
    }

    fn at(path: &str) -> String {
        format!("{BASE}{path}")
    }

    fn on_port(port: u16) -> String {
        at("/inbound").replace(".com/", &format!(".com:{port}/"))
    }

    #[test]
    fn the_values_of_the_vendors_libraries_are_accepted() {
        assert_eq!((455, 263), (A.len(), B.len()));
        let json = r#"{"a":"é","b":[1,2]}"#;
        let hashed = "/inbound?bodySHA256=9cfb1f938a87f2b8f3b8cc429c7a09116d54f048322742d4c23d4767b85f85da";
        for (url, body, signature) in [
            (at("/inbound"), A, PLAIN),
            (on_port(8443), A, WITH_PORT_8443),
            (on_port(443), A, WITH_PORT_443),
            (at("/inbound/"), A, WITH_SLASH),
            (at("/status?m=a%20b%2Bc&n="), B, "i1lbsoF7CX+aZnQSdmj5ldWH85U="),
            (at("/inbound"), "Sid=CA123&Digits=5678&Digits=1234&Digits=1234&b=2&B=1", "yS4Z1w4y3EijcXaFpycQ9QjPQ1g="),
            (at("/inbound?From=%2B15005550010&Body=Hi"), "", "/Y24GExiFS5hh+iDZIydeWMuIwg="),
            (at(hashed), json, "aSt44RcOKD4CEyVWSg3ZjSSCzN4="),
        ] {
            assert_eq!(Ok(MatchedSecret::Current), check(&url, body, signature), "{url}");
        }
    }

    #[test]
    fn the_vendors_own_example_is_accepted() {
        let body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212";
        let headers = headers(&["L/OH5YylLD5NRKLltdqwSvS0BnU="]);
        let url = "https://example.com/myapp.php?foo=1&bar=2";
        assert_eq!(Ok(MatchedSecret::Current), verify(&headers, url, body.as_bytes(), &["12345".into()]));
    }

    #[test]
    fn the_port_may_be_signed_or_not_but_not_another_one() {
        for (url, signature, accepted) in [
            (on_port(443), PLAIN, true),
            (on_port(8443), PLAIN, true),
            (at("/inbound"), WITH_PORT_443, true),
            (at("/inbound"), WITH_PORT_8443, false),
            (on_port(8443), WITH_PORT_443, false),
        ] {
            assert_eq!(accepted, check(&url, A, signature).is_ok(), "{url}");
        }
    }

    #[test]
    fn an_ipv6_address_has_no_port_by_itself() {
        assert_eq!(["http://[::1]/a:1", "http://[::1]:80/a:1"], with_either_port("http://[::1]/a:1").each_ref());
        assert_eq!(["http://[::1]?a", "http://[::1]:81?a"], with_either_port("http://[::1]:81?a").each_ref());
    }

    #[test]
    fn the_fragment_is_not_signed() {
        assert_eq!(Ok(MatchedSecret::Current), check(&at("/inbound#rc=3&rp=all"), A, PLAIN));
    }

    #[test]
    fn another_path_body_or_digest_is_refused() {
        let without_empty: Vec<_> = A.split('&').filter(|pair| !pair.ends_with('=')).collect();
        let json = r#"{"a":"é","b":[1,3]}"#;
        let hashed = "/inbound?bodySHA256=9cfb1f938a87f2b8f3b8cc429c7a09116d54f048322742d4c23d4767b85f85da";
        for (url, body, signature) in [
            (at("/inbound"), &*without_empty.join("&"), PLAIN),
            (at("/inbound"), &A.replace("Body=+", "Body=").replace("more+", "more"), PLAIN),
            (at("/inbound"), A, WITH_SLASH),
            (at("/inbound"), &format!("{A}&More=1"), PLAIN),
            (at("/inbound"), "", PLAIN),
            (at(hashed), json, "aSt44RcOKD4CEyVWSg3ZjSSCzN4="),
        ] {
            assert_eq!(Err(SignatureError::Mismatch), check(&url, body, signature), "{url}");
        }
    }

    #[test]
    fn a_key_that_is_not_configured_is_refused_whatever_the_request_says() {
        let mut headers = headers(&["t2EQ/m/TqZkkmn0legm1drgLyIslmrrxX17pHwH+FkY="]);
        let settings = HeaderValue::from_static("key=patchbay,algorithm=HMAC_SHA256");
        headers.insert("x-twilio-webhooks-signature-settings", settings);
        let result = verify(&headers, &at("/inbound"), A.as_bytes(), &[TOKEN.into()]);
        assert_eq!(Err(SignatureError::Mismatch), result);
    }

    #[test]
    fn a_form_with_more_parameters_than_twilio_ever_sends_is_refused_even_if_it_is_signed() {
        let url = at("/inbound");
        let signed = |count| -> Vec<_> { (0..count).map(|number| (number.to_string(), String::new())).collect() };
        for (count, expected) in [(1_000, Ok(MatchedSecret::Current)), (1_001, Err(SignatureError::Mismatch))] {
            let pairs = signed(count);
            assert_eq!(expected, check(&url, &encode(&pairs), &sign(&url, &pairs)), "{count}");
        }
    }

    #[test]
    fn every_configured_token_is_tried_and_an_empty_one_never_matches() {
        let check = |tokens: &[&str]| {
            let tokens: Vec<_> = tokens.iter().map(|token| SecretString::from(*token)).collect();
            verify(&headers(&[PLAIN]), &at("/inbound"), A.as_bytes(), &tokens)
        };
        assert_eq!(Ok(MatchedSecret::Previous), check(&["new", TOKEN]));
        for wrong in [&["new", "", "0123456789ABCDEF0123456789ABCDEF"][..], &[]] {
            assert_eq!(Err(SignatureError::Mismatch), check(wrong));
        }
    }

    #[test]
    fn a_missing_duplicate_or_malformed_header_is_refused() {
        let check = |signatures: &[&str]| verify(&headers(signatures), &at("/inbound"), A.as_bytes(), &[TOKEN.into()]);
        assert_eq!(Err(SignatureError::MissingHeader(LABEL)), check(&[]));
        assert_eq!(Err(SignatureError::DuplicateHeader(LABEL)), check(&[PLAIN, PLAIN]));
        for malformed in ["6I7/SDuSohOxUGUTt6IT0JIu/Y0", "6I7_SDuSohOxUGUTt6IT0JIu_Y0=", "é"] {
            assert_eq!(Err(SignatureError::MalformedHeader(LABEL)), check(&[malformed]));
        }
        assert_eq!(Err(SignatureError::Mismatch), check(&["6I7/"]));
    }

    /// The signature by the vendor's description, over pairs that were never encoded.
    fn sign(url: &str, pairs: &[(String, String)]) -> String {
        let mut pairs = pairs.to_vec();
        pairs.sort();
        pairs.dedup();
        let mut signed = url.to_owned();
        pairs.iter().for_each(|(name, value)| signed.extend([name.as_str(), value]));
        let mac: Hmac<Sha1> = hmac(TOKEN.as_bytes(), &[signed.as_bytes()]).unwrap();
        BASE64.encode(&mac.finalize().into_bytes())
    }

    fn encode(pairs: &[(String, String)]) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    proptest! {
        #[test]
        fn parameters_of_any_characters_in_any_order_are_verified(
            pairs in proptest::collection::vec(("[AaBb&=+% é👋]{0,3}", ".{0,8}"), 0..8), turn in 0_usize..8,
        ) {
            let url = at("/inbound");
            let signature = sign(&url, &pairs);
            let mut turned = pairs.clone();
            turned.rotate_left(turn.min(pairs.len()));
            prop_assert_eq!(Ok(MatchedSecret::Current), check(&url, &encode(&turned), &signature));
            turned.push(("More".to_owned(), String::new()));
            prop_assert_eq!(Err(SignatureError::Mismatch), check(&url, &encode(&turned), &signature));
        }
    }
}
