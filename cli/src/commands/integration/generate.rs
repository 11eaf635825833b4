//! Secrets from the operating system's random number generator.

use crate::error::CliError;
use data_encoding::{BASE64, BASE64URL_NOPAD};

/// A secret or token of 32 random bytes, in URL-safe characters.
pub(super) fn token() -> Result<String, CliError> {
    random().map(|bytes| BASE64URL_NOPAD.encode(&bytes))
}

/// A signing secret for Standard Webhooks.
pub(super) fn signing_secret() -> Result<String, CliError> {
    random().map(|bytes| format!("whsec_{}", BASE64.encode(&bytes)))
}

fn random() -> Result<[u8; 32], CliError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| CliError::Failed("the operating system provides no random numbers".to_owned()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::signature::standard_webhooks::SigningSecret;

    #[test]
    fn generated_secrets_are_long_enough_and_unique() {
        assert!(SigningSecret::parse(&signing_secret().unwrap()).is_ok());
        assert_eq!(43, token().unwrap().len());
        assert_ne!(token().unwrap(), token().unwrap());
    }
}
