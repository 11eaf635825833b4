//! How serious a line is.

use crate::ui::style::{ERROR, FAINT, GOOD, WARNING};
use anstyle::Style;
use clap::ValueEnum;

/// What Lambda writes of an invocation that failed.
/// <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>
pub(super) const FAILED_INVOCATION: [&str; 3] = ["error", "failure", "timeout"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    pub(super) const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::Debug => FAINT,
            Self::Info => GOOD,
            Self::Warn => WARNING,
            Self::Error => ERROR,
        }
    }
}
