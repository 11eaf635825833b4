pub(crate) mod help;
pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod prompt;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod values;
