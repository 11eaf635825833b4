//! How a call to AWS can fail, told apart by what it says about the stack.

use super::report::Finding;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use shared::aws::cause;
use std::error::Error;

/// Why a call to AWS brought no answer.
#[derive(Debug)]
pub(super) enum AwsError {
    /// The user of this command may not make it.
    Denied(&'static str),
    /// AWS does not know the credentials, or not at this time.
    Credentials(String),
    /// AWS was not reached, or did not answer in time.
    OutOfReach(String),
    /// AWS refused: its code, and the whole of it.
    Refused(String, String),
}

/// The codes of AWS for what the user may not do.
const DENIED: [&str; 3] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];
/// How Secrets Manager says that it is not the secret that is out of bounds, but the key that it is encrypted with.
const NO_KEY: &str = "Access to KMS is not allowed";
/// The codes of AWS for credentials and signatures that it does not take.
const CREDENTIALS: [&str; 13] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "OptInRequired",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

impl AwsError {
    /// What the failure of a call that needs `action` means.
    pub(super) fn of<E, R>(action: &'static str, error: &SdkError<E, R>) -> Self
    where
        SdkError<E, R>: Error + ProvideErrorMetadata,
    {
        match error.code() {
            Some(code) if DENIED.contains(&code) && error.message().is_some_and(|text| text.contains(NO_KEY)) => {
                Self::Denied("kms:Decrypt")
            }
            Some(code) if DENIED.contains(&code) => Self::Denied(action),
            Some(code) if CREDENTIALS.contains(&code) => Self::Credentials(code.to_owned()),
            Some(code) => Self::Refused(code.to_owned(), cause(error)),
            None => Self::OutOfReach(cause(error)),
        }
    }

    /// As a finding about `what`, which is a part of the stack.
    pub(super) fn finding(self, what: &str, advice: &str) -> Finding {
        match self {
            Self::Denied(action) => Finding::denied(action),
            Self::Credentials(code) => Finding::fault(
                format!("AWS refuses the credentials: {code}"),
                "sign in to AWS anew, and run this again",
            ),
            Self::OutOfReach(cause) => Finding::fault(
                format!("AWS is out of reach: {cause}"),
                "see whether this machine reaches AWS, and run this again",
            ),
            Self::Refused(_, cause) => Finding::fault(format!("{what} cannot be read: {cause}"), advice),
        }
    }
}
