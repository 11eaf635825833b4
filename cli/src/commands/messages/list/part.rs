use super::row::Row;

/// The messages of one state.
pub(super) struct Part {
    pub(super) rows: Vec<Row>,
    /// What the list covers, and where it ends.
    pub(super) notes: Vec<String>,
    /// Whether there are more than are listed.
    pub(super) truncated: bool,
}
