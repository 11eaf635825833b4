//! The tables.

use crate::operations::{Operation, WITH_SDK};
use crate::run::{Sample, Work};
use crate::stubs::Counts;
use std::time::Duration;

/// The samples of one operation in one build, one for each round.
#[derive(Debug)]
pub struct Row<'r> {
    pub operation: &'r Operation,
    pub samples: Vec<Sample>,
}

/// The memory with which a function gets one whole CPU. Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.
const MEGABYTES_OF_ONE_CPU: f64 = 1769.0;

/// A measure of a sample, in the unit of its column.
type Measure = fn(&Sample) -> f64;

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn init(sample: &Sample) -> f64 {
    milliseconds(sample.init)
}

/// Init and the first call.
fn cold(sample: &Sample) -> f64 {
    milliseconds(sample.init + sample.first_call)
}

fn first_call(sample: &Sample) -> f64 {
    milliseconds(sample.first_call)
}

fn cold_cpu(sample: &Sample) -> f64 {
    milliseconds(sample.init_cpu + sample.first_cpu)
}

/// The time that the CPU time of the first call takes with the share of a CPU that 256 MB get.
fn first_call_at_256_mb(sample: &Sample) -> f64 {
    milliseconds(sample.first_cpu) * MEGABYTES_OF_ONE_CPU / 256.0
}

fn warm(sample: &Sample) -> f64 {
    quantile(sample.warm.iter().copied().map(milliseconds).collect(), 0.5)
}

fn warm_cpu(sample: &Sample) -> f64 {
    sample.warm_cpu.as_secs_f64() * 1e6
}

fn resident(sample: &Sample) -> f64 {
    sample.peak_resident as f64 / 1024.0 / 1024.0
}

impl Row<'_> {
    fn median(&self, measure: Measure) -> f64 {
        quantile(self.samples.iter().map(measure).collect(), 0.5)
    }

    /// The median of the ratios within each round, where other load slows both about equally.
    fn ratio(&self, to: &Self, measure: Measure) -> f64 {
        let pairs = self.samples.iter().zip(&to.samples);
        quantile(pairs.map(|(sample, other)| measure(sample) / measure(other)).collect(), 0.5)
    }

    /// Half the interquartile range, relative to the median.
    fn spread(&self, measure: Measure) -> f64 {
        let values = || self.samples.iter().map(measure).collect();
        (quantile(values(), 0.75) - quantile(values(), 0.25)) / 2.0 / self.median(measure)
    }

    /// The 99th percentile over all further calls.
    fn slowest(&self) -> f64 {
        let all = self.samples.iter().flat_map(|sample| sample.warm.iter().copied());
        quantile(all.map(milliseconds).collect(), 0.99)
    }

    fn last(&self) -> Option<&Sample> {
        self.samples.last()
    }
}

/// The quantile, without interpolation: the lower one of two neighbours.
fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = values.len().saturating_sub(1) as f64 * part;
    values.get(index as usize).copied().unwrap_or(f64::NAN)
}

/// Times, CPU time and memory, with ratios to the empty functions.
#[must_use]
pub fn times(rows: &[Row<'_>]) -> String {
    let mut table = Table::new(&[
        "operation",
        "cold ms",
        "× empty",
        "init ms",
        "first call ms",
        "at 256 MB ms",
        "cold CPU ms",
        "× empty",
        "warm p50 ms",
        "× empty",
        "× SDK",
        "p99 ms",
        "CPU µs",
        "× empty",
        "resident MiB",
        "spread cold",
        "spread warm",
    ]);
    let Some(empty) = rows.first() else { return String::new() };
    let sdk = rows.iter().find(|row| row.operation.function == WITH_SDK).unwrap_or(empty);
    for row in rows {
        table.push(vec![
            row.operation.name.to_owned(),
            format!("{:.2}", row.median(cold)),
            format!("{:.2}", row.ratio(empty, cold)),
            format!("{:.2}", row.median(init)),
            format!("{:.2}", row.median(first_call)),
            format!("{:.1}", row.median(first_call_at_256_mb)),
            format!("{:.2}", row.median(cold_cpu)),
            format!("{:.2}", row.ratio(empty, cold_cpu)),
            format!("{:.3}", row.median(warm)),
            format!("{:.2}", row.ratio(empty, warm)),
            format!("{:.2}", row.ratio(sdk, warm)),
            format!("{:.3}", row.slowest()),
            format!("{:.0}", row.median(warm_cpu)),
            format!("{:.2}", row.ratio(empty, warm_cpu)),
            format!("{:.1}", row.median(resident)),
            percent(row.spread(cold)),
            percent(row.spread(warm)),
        ]);
    }
    table.show()
}

/// The variation of the first row over the rounds.
#[must_use]
pub fn noise(rows: &[Row<'_>]) -> String {
    let Some(empty) = rows.first() else { return String::new() };
    let range = |measure: Measure| {
        let values = || empty.samples.iter().map(measure).collect();
        let [least, median, most] = [0.0, 0.5, 1.0].map(|part| quantile(values(), part));
        format!("{least:.3} to {most:.3} ms (median {median:.3})")
    };
    format!(
        "Noise: over the rounds the empty function's warm p50 was {}, its cold start {}.\n",
        range(warm),
        range(cold)
    )
}

/// The two builds next to each other.
#[must_use]
pub fn comparison(before: &[Row<'_>], after: &[Row<'_>]) -> String {
    let mut table = Table::new(&[
        "operation",
        "cold ms",
        "init ms",
        "first call ms",
        "at 256 MB ms",
        "cold CPU ms",
        "warm p50 ms",
        "CPU µs",
        "resident MiB",
    ]);
    for (before, after) in before.iter().zip(after).filter(|(before, _)| !before.samples.is_empty()) {
        let cell = |measure: Measure, digits: usize| {
            let (old, new) = (before.median(measure), after.median(measure));
            format!("{old:.digits$} → {new:.digits$} ({:.2})", after.ratio(before, measure))
        };
        table.push(vec![
            after.operation.name.to_owned(),
            cell(cold, 2),
            cell(init, 2),
            cell(first_call, 2),
            cell(first_call_at_256_mb, 1),
            cell(cold_cpu, 2),
            cell(warm, 3),
            cell(warm_cpu, 0),
            cell(resident, 1),
        ]);
    }
    table.show()
}

/// The calls and log lines of each operation; TLS makes no difference.
#[must_use]
pub fn work(rows: &[Row<'_>]) -> String {
    let mut table = Table::new(&["operation", "first call", "each further call", "log lines"]);
    for (row, sample) in rows.iter().filter(|row| !row.operation.tls).filter_map(|row| Some((row, row.last()?))) {
        let [operation, first, further, lines] = work_cells(row.operation, &sample.first, &sample.further);
        table.push(vec![operation, first, further, lines]);
    }
    table.show()
}

/// One row of [`work`], as in docs/performance.md.
#[must_use]
pub fn work_cells(operation: &Operation, first: &Work, further: &Work) -> [String; 4] {
    let lines = format!("{}, {}", first.lines, further.lines);
    [operation.name.to_owned(), list(&first.calls), list(&further.calls), lines]
}

/// The connections of each operation.
#[must_use]
pub fn connections(rows: &[Row<'_>]) -> String {
    let mut table = Table::new(&["operation", "connections"]);
    for (row, sample) in rows.iter().filter_map(|row| Some((row, row.last()?))) {
        table.push(vec![row.operation.name.to_owned(), list(&sample.connections)]);
    }
    table.show()
}

/// The sizes of one function, and how many times it reads its certificate roots.
#[derive(Debug)]
pub struct Sizes {
    pub function: &'static str,
    pub binary: u64,
    pub zip: Option<u64>,
    pub root_loads: Option<[u64; 2]>,
}

/// The sizes of the functions.
#[must_use]
pub fn sizes(all: &[Sizes]) -> String {
    let mut table = Table::new(&["function", "binary MB", "zip MB", "root loads at start", "after the first call"]);
    for Sizes { function, binary, zip, root_loads } in all {
        let megabytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1e6);
        let [start, first] =
            root_loads.map_or(["–".to_owned(), "–".to_owned()], |loads| loads.map(|it| it.to_string()));
        let zip = zip.map_or("–".to_owned(), megabytes);
        table.push(vec![(*function).to_owned(), megabytes(*binary), zip, start, first]);
    }
    table.show()
}

fn list(counts: &Counts) -> String {
    let part = |(name, count): (&String, &usize)| if *count == 1 { name.clone() } else { format!("{count} × {name}") };
    let parts: Vec<_> = counts.iter().map(part).collect();
    if parts.is_empty() { "–".to_owned() } else { parts.join(", ") }
}

fn percent(part: f64) -> String {
    format!("±{:.0} %", part * 100.0)
}

/// A Markdown table with aligned columns.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    fn show(mut self) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        self.rows.insert(1, vec!["---".to_owned(); columns]);
        let widths: Vec<_> = (0..columns)
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max())
            .map(Option::unwrap_or_default)
            .collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values = || vec![3.0, 1.0, 2.0, 4.0];
        assert_eq!([1.0, 2.0, 4.0], [0.0, 0.5, 1.0].map(|part| quantile(values(), part)));
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["a", "b"]);
        table.push(vec!["µµµµ".to_owned(), "c".to_owned()]);
        assert_eq!("| a    | b   |\n| ---  | --- |\n| µµµµ | c   |\n", table.show());
    }
}
