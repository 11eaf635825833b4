//! Failures of AWS calls, classified by what they mean for the stack, with advice.

use crate::error::CliError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use shared::aws::{error_chain, sdk_error};
use std::error::Error;
use std::fmt;
use std::iter::successors;

/// A problem and how to fix it. The texts never contain a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    pub(crate) observed: String,
    pub(crate) advice: String,
}

impl Diagnosis {
    fn new(observed: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { observed: observed.into(), advice: advice.into() }
    }

    pub(crate) fn no_region() -> Self {
        Self::new("no AWS region is set", "set it with --region, AWS_REGION or the profile's region")
    }

    pub(crate) fn no_credentials(error: &dyn Error) -> Self {
        // The further lines list every provider that the SDK tried.
        let cause = error_chain(error);
        let cause = cause.lines().next().unwrap_or_default().trim_end_matches(" Attempted:").trim_end_matches('.');
        Self::new(
            format!("no AWS credentials ({cause})"),
            "sign in (`aws sso login`, or `aws configure` for keys), choose a profile that has credentials with --profile, \
             or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY without --profile",
        )
    }

    pub(crate) fn no_stack(name: &str, region: &str) -> Self {
        Self::new(
            format!("there is no stack `{name}` in {region}"),
            "deploy it (`make deploy`), or choose another with --stack, --region or --profile",
        )
    }

    pub(crate) fn missing_permission(actions: &str) -> Self {
        Self::new(
            format!("this command's user lacks {actions}"),
            format!("allow the user or role that runs this command {actions}, and run it again"),
        )
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.observed, self.advice)
    }
}

impl From<Diagnosis> for CliError {
    fn from(diagnosis: Diagnosis) -> Self {
        Self::Failed(diagnosis.to_string())
    }
}

/// Why a call to AWS failed.
#[derive(Debug)]
pub(crate) enum AwsError {
    /// The caller may not perform this action.
    Denied(&'static str),
    /// No credentials, or they could not be loaded.
    NoCredentials(Diagnosis),
    /// AWS rejected the credentials or the signature, with this code.
    Credentials(String),
    /// No response in time.
    OutOfReach(String),
    /// Any other refusal: its code and the whole error.
    Refused(String, String),
}

/// AWS's codes for missing permissions.
const DENIED: [&str; 3] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];
/// How Secrets Manager says that the KMS key is not accessible, rather than the secret.
const NO_KEY: &str = "Access to KMS is not allowed";
/// AWS's codes for rejected credentials and signatures.
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
    /// Classifies the failure of a call that needs the permission `action`.
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
            None => match credentials_error(error) {
                Some(error) => Self::NoCredentials(Diagnosis::no_credentials(error)),
                None => Self::OutOfReach(sdk_error(error)),
            },
        }
    }

    /// What the failure means for `what`, a part of the stack; `advice` is for refusals of any other kind.
    pub(crate) fn diagnose(self, what: &str, advice: &str) -> Diagnosis {
        match self {
            Self::Denied(action) => Diagnosis::missing_permission(action),
            Self::NoCredentials(diagnosis) => diagnosis,
            Self::Credentials(code) => Diagnosis::new(
                format!("AWS refuses the credentials ({code})"),
                "sign in again (`aws sso login`), or choose another profile with --profile",
            ),
            Self::OutOfReach(cause) => Diagnosis::new(
                format!("AWS cannot be reached ({cause})"),
                "check this machine's connection to AWS, and run this again",
            ),
            Self::Refused(_, cause) => Diagnosis::new(format!("{what} cannot be read ({cause})"), advice),
        }
    }
}

/// Whether CloudFormation says that there is no such stack.
pub(crate) fn is_missing<E: ProvideErrorMetadata>(error: &E) -> bool {
    error.code() == Some("ValidationError") && error.message().is_some_and(|text| text.contains("does not exist"))
}

/// The failure to load credentials, if that is why the call was not made.
fn credentials_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e CredentialsError> {
    successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
