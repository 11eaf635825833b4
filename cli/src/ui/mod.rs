pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod prompt;
