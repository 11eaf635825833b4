//! New secrets, of the system's own randomness.

use crate::failure::Failure;
use data_encoding::{BASE64, BASE64URL_NOPAD};

/// A secret or a token of 32 random bytes, in characters that may stand anywhere.
pub(super) fn token() -> Result<String, Failure> {
    random().map(|bytes| BASE64URL_NOPAD.encode(&bytes))
}

/// A secret that Standard Webhooks are signed with.
pub(super) fn signing_secret() -> Result<String, Failure> {
    random().map(|bytes| format!("whsec_{}", BASE64.encode(&bytes)))
}

fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Failure::Failed("the system gives no random numbers".to_owned()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::signature::standard_webhooks::SigningSecret;

    #[test]
    fn what_is_generated_is_long_enough_and_never_the_same() {
        assert!(SigningSecret::parse(&signing_secret().unwrap()).is_ok());
        assert_eq!(43, token().unwrap().len());
        assert_ne!(token().unwrap(), token().unwrap());
    }
}
