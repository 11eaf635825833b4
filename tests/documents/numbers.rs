//! The calculations of the guide to costs are correct, and the limits match the code.

use shared::integration::GIVE_UP_SECONDS;
use shared::ledger::RETENTION;
use tests::spec::documents::{Document, Row, root};
use tests::spec::template::transformed;

/// The number at the start of a cell: `1,000,000`, `$0.20`, `0.5 ms`.
fn number(cell: &str) -> f64 {
    let cell = cell.trim().trim_start_matches('$');
    let end = cell.find(|it: char| !(it.is_ascii_digit() || matches!(it, '.' | ','))).unwrap_or(cell.len());
    cell[..end].replace(',', "").parse().unwrap_or_else(|_| panic!("no number: {cell}"))
}

/// Whether they agree to the last digit shown.
fn agree(exact: f64, shown: f64) -> bool {
    (exact - shown).abs() < 0.0051
}

#[test]
fn each_row_of_costs_is_its_quantity_times_its_price_and_each_total_the_sum_of_its_rows() {
    let guide = Document::read("docs/cost.md");
    let mut totals = 0;
    let mut sum = 0.0;
    let priced = |row: &&Row| row.cells.len() == 4 && row.cells[3].starts_with('$');
    for row in guide.rows.iter().filter(priced) {
        let cost = number(&row.cells[3]);
        if row.cells[0] == "total" {
            assert!(agree(sum, cost), "{}: {sum:.2}, and not {cost}", row.heading);
            (totals, sum) = (totals + 1, 0.0);
        } else {
            let exact = number(&row.cells[1]) * number(&row.cells[2]);
            assert!(agree(exact, cost), "{row:?}: {exact:.4}");
            sum += cost;
        }
    }
    assert!(totals >= 3 && sum == 0.0, "every table has a total");
}

#[test]
fn each_cost_in_the_overview_is_the_total_of_a_table() {
    let guide = Document::read("docs/cost.md");
    let totals = guide.rows.iter().filter(|row| row.cells[0] == "total");
    let totals: Vec<_> = totals.map(|row| row.cells[3].as_str()).collect();
    let shown: Vec<_> = guide.rows_under("Cost").map(|row| row.cells[1].as_str()).collect();
    assert!(!shown.is_empty());
    assert!(shown.iter().all(|cost| totals.contains(cost)), "{shown:?}: {totals:?}");
}

#[test]
fn every_price_is_in_the_table_of_prices() {
    let guide = Document::read("docs/cost.md");
    let prices: Vec<_> = guide.rows_under("Prices").map(|row| number(&row.cells[1])).collect();
    let priced = |row: &&Row| row.cells.len() == 4 && row.cells[3].starts_with('$') && row.cells[0] != "total";
    for row in guide.rows.iter().filter(priced) {
        assert!(prices.contains(&number(&row.cells[2])), "{row:?}");
    }
}

#[test]
fn every_documented_limit_is_the_one_in_the_code() {
    let guide = Document::read("docs/limits.md");
    let mut checked = 0;
    for line in guide.text.lines().filter(|line| line.starts_with('|')) {
        // … | [`NAME`](../path) `= value` |
        let Some((_, rest)) = line.split_once("[`") else { continue };
        let (name, rest) = rest.split_once("`](../").unwrap();
        let (path, rest) = rest.split_once(") `= ").unwrap_or_else(|| panic!("no value: {line}"));
        let (value, _) = rest.split_once('`').unwrap();
        let source = std::fs::read_to_string(root().join(path)).unwrap_or_else(|_| panic!("there is no {path}"));
        let holds = |line: &str| line.contains(&format!("const {name}:")) && line.contains(&format!("= {value};"));
        assert!(source.lines().any(holds), "{path} does not have {name} = {value}");
        checked += 1;
    }
    assert!(checked > 0);
}

/// A number with its thousands separated.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

#[test]
fn what_a_rate_needs_is_the_rate_times_what_one_message_takes() {
    let guide = Document::read("docs/limits.md");
    let rows: Vec<_> = guide.rows_under("How much traffic").filter(|row| row.cells.len() == 5).collect();
    let rates = [10_u64, 100, 1_000, 10_000];
    // What each message takes: seconds of a batch or a receiver, or calls.
    for (name, ten_thousandths) in [
        ("concurrent executions of the receiver", &[200][..]),
        ("concurrent batches if the service answers in 100 ms: of one message, of ten", &[1_250, 125]),
        ("concurrent batches if it answers in one second: of one message, of ten", &[10_250, 1_025]),
        ("writes of the ledger per second", &[20_000]),
        ("reads of the ledger per second, at most", &[10_000]),
        ("calls per second that send to the queue", &[10_000]),
    ] {
        let row =
            rows.iter().find(|row| row.cells[0] == name).unwrap_or_else(|| panic!("there is no {name}: {rows:?}"));
        let needed = |rate: u64| -> Vec<_> {
            ten_thousandths.iter().map(|part| grouped((rate * part).div_ceil(10_000))).collect()
        };
        assert_eq!(rates.map(|rate| needed(rate).join(", ")).to_vec(), row.cells[1..], "{name}");
    }
    assert_eq!(6, rows.len(), "each row is checked");
}

#[test]
fn the_retry_lane_is_full_when_the_guide_says() {
    const WINDOW: f64 = 120_000.0;
    let guide = Document::read("docs/limits.md");
    let mut rows = guide.rows_under("When the retry lane is full").filter(|row| row.cells[0] != "up to 5.5").peekable();
    assert!(rows.peek().is_some());
    for row in rows {
        let words: Vec<_> = row.cells[1].split(' ').collect();
        let seconds: f64 = words
            .chunks(2)
            .map(|pair| match pair[1] {
                "hours" => number(pair[0]) * 3600.0,
                "minutes" => number(pair[0]) * 60.0,
                "seconds" => number(pair[0]),
                other => panic!("{other}"),
            })
            .sum();
        let exact = WINDOW / number(&row.cells[0]);
        assert!((exact - seconds).abs() < exact / 100.0, "{row:?}: {exact} s");
    }
}

#[test]
fn the_guide_keeps_ids_as_long_as_a_delivery_may_be_repeated() {
    let parking_queue = &transformed()["Resources"]["ParkingQueue"]["Properties"]["MessageRetentionPeriod"];
    let (give_up, parked) = (GIVE_UP_SECONDS.end() / (24 * 3600), parking_queue.as_u64().unwrap() / (24 * 3600));
    let (last_replay, remembered) = (give_up + parked + give_up, RETENTION.as_secs() / (24 * 3600));
    assert!(last_replay <= remembered);
    let guide = Document::read("docs/messaging-service.md");
    for said in [
        format!("that you have taken for {remembered} days"),
        format!("{give_up} days at most"),
        format!("{parked} days after that"),
        format!("{last_replay} days at most"),
        format!("KEPT_SECONDS = {remembered} * 24 * 3600"),
    ] {
        assert!(guide.text.contains(&said), "the guide does not say: {said}");
    }
}
