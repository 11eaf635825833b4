//! How a call to AWS can fail, told apart by what it says about the stack, and what to do about it.

use crate::failure::Failure;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use shared::aws::{error_chain, sdk_error};
use std::error::Error;
use std::fmt;
use std::iter::successors;

/// What is wrong, and what to do about it. No text of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What was seen.
    pub(crate) seen: String,
    /// What to do.
    pub(crate) advice: String,
}

impl Trouble {
    fn new(seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { seen: seen.into(), advice: advice.into() }
    }

    /// Nobody says which region is meant.
    pub(crate) fn no_region() -> Self {
        Self::new("no AWS region is set", "name it with --region, or set AWS_REGION or the profile's region")
    }

    /// There is nobody to sign as.
    pub(crate) fn no_credentials(error: &dyn Error) -> Self {
        // Below the first line the SDK lists every place that it has looked at.
        let cause = error_chain(error);
        let cause = cause.lines().next().unwrap_or_default().trim_end_matches(" Attempted:").trim_end_matches('.');
        Self::new(
            format!("no AWS credentials ({cause})"),
            "sign in to AWS, name a profile that has some with --profile, or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY and name none",
        )
    }

    /// The region has no stack of this name.
    pub(crate) fn no_stack(name: &str, region: &str) -> Self {
        Self::new(
            format!("there is no stack `{name}` in {region}"),
            "deploy it (`make deploy`), or name another with --stack, --region or --profile",
        )
    }

    /// The user of this command may not make a call.
    pub(crate) fn lacking(actions: &str) -> Self {
        Self::new(
            format!("this command's user lacks {actions}"),
            format!("allow the user or role that runs this command {actions}, and run it again"),
        )
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.seen, self.advice)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Failed(trouble.to_string())
    }
}

/// Why a call to AWS brought no answer.
#[derive(Debug)]
pub(crate) enum AwsError {
    /// The user of this command may not make it.
    Denied(&'static str),
    /// There are no credentials, or they could not be had.
    NoCredentials(Trouble),
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
    pub(crate) fn of<E, R>(action: &'static str, error: &SdkError<E, R>) -> Self
    where
        SdkError<E, R>: Error + ProvideErrorMetadata + 'static,
    {
        match error.code() {
            Some(code) if DENIED.contains(&code) && error.message().is_some_and(|text| text.contains(NO_KEY)) => {
                Self::Denied("kms:Decrypt")
            }
            Some(code) if DENIED.contains(&code) => Self::Denied(action),
            Some(code) if CREDENTIALS.contains(&code) => Self::Credentials(code.to_owned()),
            Some(code) => Self::Refused(code.to_owned(), sdk_error(error)),
            None => match without_credentials(error) {
                Some(error) => Self::NoCredentials(Trouble::no_credentials(error)),
                None => Self::OutOfReach(sdk_error(error)),
            },
        }
    }

    /// What is wrong with `what`, which is a part of the stack.
    pub(crate) fn trouble(self, what: &str, advice: &str) -> Trouble {
        match self {
            Self::Denied(action) => Trouble::lacking(action),
            Self::NoCredentials(trouble) => trouble,
            Self::Credentials(code) => Trouble::new(
                format!("AWS refuses the credentials ({code})"),
                "sign in to AWS anew, or name another profile with --profile",
            ),
            Self::OutOfReach(cause) => Trouble::new(
                format!("AWS is out of reach ({cause})"),
                "see whether this machine reaches AWS, and run this again",
            ),
            Self::Refused(_, cause) => Trouble::new(format!("{what} cannot be read ({cause})"), advice),
        }
    }
}

/// Whether CloudFormation says that there is no such stack.
pub(crate) fn is_missing<E: ProvideErrorMetadata>(error: &E) -> bool {
    error.code() == Some("ValidationError") && error.message().is_some_and(|text| text.contains("does not exist"))
}

/// What kept a call from being signed, if that is why it was not made.
fn without_credentials<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e CredentialsError> {
    successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
