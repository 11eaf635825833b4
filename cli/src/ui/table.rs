//! Tables that fit the terminal. No word is broken: a narrow terminal gets fewer columns, and a very narrow one a block of
//! lines for each row. Where output is not a terminal, a row is always one line with all columns.

use super::output::{key_values, sanitize};
use super::style::{HEADING, paint};
use comfy_table::{ColumnConstraint, Table, TableStyle};
use std::io::stdout;

/// The space after a column.
const GAP: u16 = 2;

/// A column, by its heading.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column<'h> {
    Required(&'h str),
    /// Left out if the terminal is too narrow, the last of them first.
    Optional(&'h str),
}

impl<'h> Column<'h> {
    fn heading(self) -> &'h str {
        match self {
            Self::Required(heading) | Self::Optional(heading) => heading,
        }
    }
}

/// A table with sanitized cells. A column without any text is left out.
pub(crate) fn table<const N: usize>(columns: [Column<'_>; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    table_of(&columns, rows)
}

/// The same for a number of columns that is not known before; each row has as many cells.
pub(crate) fn table_of<R: IntoIterator<Item = String>>(
    columns: &[Column<'_>],
    rows: impl IntoIterator<Item = R>,
) -> String {
    render(terminal_width(), columns, rows)
}

/// `None` if there is no terminal. Programs that show output on a terminal set COLUMNS.
fn terminal_width() -> Option<usize> {
    let terminal = terminal_size::terminal_size_of(stdout()).map(|(width, _)| width.0.into());
    terminal.or_else(|| std::env::var("COLUMNS").ok()?.parse().ok())
}

fn render<R: IntoIterator<Item = String>>(
    width: Option<usize>,
    columns: &[Column<'_>],
    rows: impl IntoIterator<Item = R>,
) -> String {
    let sanitized = |row: R| row.into_iter().map(|cell| sanitize(&cell)).collect::<Vec<_>>();
    let rows: Vec<_> = rows.into_iter().map(sanitized).collect();
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_header(columns.iter().map(|column| column.heading().to_uppercase()));
    table.add_rows(rows.iter().cloned());
    let widths = table.column_max_content_widths();
    let has_text = |index: &usize| rows.iter().any(|row| row.get(*index).is_some_and(|cell| !cell.is_empty()));
    let mut shown: Vec<_> = (0..columns.len()).filter(has_text).collect();
    let needed = |shown: &[usize]| -> usize {
        let widths = shown.iter().filter_map(|index| widths.get(*index)).map(|width| usize::from(*width + GAP));
        widths.sum::<usize>().saturating_sub(GAP.into())
    };
    while width.is_some_and(|width| needed(&shown) > width) {
        let is_optional = |index: &usize| matches!(columns.get(*index), Some(Column::Optional(_)));
        match shown.iter().rposition(is_optional) {
            Some(last) => drop(shown.remove(last)),
            None => return blocks(columns, &rows),
        }
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, GAP));
        if !shown.contains(&index) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
    let text = table.trim_fmt();
    match text.split_once('\n') {
        Some((headings, rows)) => format!("{}\n{rows}", paint(HEADING, headings)),
        None => text,
    }
}

/// All cells with a text, below each other.
fn blocks(columns: &[Column<'_>], rows: &[Vec<String>]) -> String {
    let block = |row: &Vec<String>| {
        let cells = columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        key_values(cells.map(|(column, cell)| (column.heading(), cell.clone())))
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::Column::{Optional, Required};
    use super::*;

    fn rendered(width: Option<usize>) -> String {
        let columns =
            [Required("integration"), Optional("kind"), Required("message id"), Optional("note"), Optional("group")];
        let row = |id: &str, group: &str| ["acme", "Text", id, "", group].map(str::to_owned);
        let text = render(width, &columns, [row("0123456789abcdef", "01 02"), row("m", "03")]);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn without_a_terminal_a_row_is_one_line_with_every_column_that_has_a_text() {
        let expected = "INTEGRATION  KIND  MESSAGE ID        GROUP\nacme         Text  0123456789abcdef  01 02\n\
                        acme         Text  m                 03";
        assert_eq!(expected, rendered(None));
        assert_eq!(expected, rendered(Some(42)));
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns_and_a_very_narrow_one_blocks_of_lines() {
        assert_eq!("INTEGRATION  KIND  MESSAGE ID", rendered(Some(41)).lines().next().unwrap());
        assert_eq!("INTEGRATION  MESSAGE ID", rendered(Some(34)).lines().next().unwrap());
        let block = "integration  acme\nkind         Text\nmessage id   0123456789abcdef\ngroup        01 02\n\n\
                     integration  acme";
        assert!(rendered(Some(28)).starts_with(block), "{}", rendered(Some(28)));
    }

    #[test]
    fn control_characters_are_never_printed_to_a_terminal() {
        for width in [None, Some(1)] {
            let text = render(width, &[Required("name")], [["a\u{1b}[2Jb\nc".to_owned()]]);
            assert!(text.contains("a\u{fffd}[2Jb\u{fffd}c"), "{text:?}");
        }
    }
}
