//! Why a command did not do what was asked.

use std::process::ExitCode;

/// Why a command did not do what was asked. No text of it holds a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It did not work, or was refused.
    #[error("{0}")]
    Failed(String),
    /// What was asked for cannot be asked for so.
    #[error("{0}")]
    Usage(String),
    /// The doctor has found faults, and has shown them.
    #[error("{0} found")]
    Faults(String),
}

impl Failure {
    /// The code that the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Faults(_) => 3,
        })
    }
}
