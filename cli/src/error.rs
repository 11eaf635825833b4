use std::process::ExitCode;

/// Why a command failed. The texts never contain a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("{0}")]
    Failed(String),
    /// The arguments or their files are invalid.
    #[error("{0}")]
    Usage(String),
    /// `patchbay doctor` found faults; its report is printed already.
    #[error("{0} found")]
    ChecksFailed(String),
}

impl CliError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::ChecksFailed(_) => 3,
        })
    }
}
