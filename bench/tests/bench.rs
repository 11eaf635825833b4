//! What is exact about the functions' performance, and that `make bench` works. Times are never asserted.

#![allow(clippy::expect_used)] // tests fail by panicking

use bench::builds::Build;
use bench::operations::ALL;
use bench::report::work_cells;
use bench::run::measure;
use bench::tls::Certificate;
use std::process::Command;

/// The cells of the table's rows under a heading of docs/performance.md.
fn rows_under(heading: &str) -> Vec<Vec<String>> {
    let guide = include_str!("../../docs/performance.md");
    let sections = guide.split("\n## ");
    let section = sections.into_iter().find(|section| section.lines().next() == Some(heading)).expect("the heading");
    let lines = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    // The first two lines are the table's heading.
    lines.skip(2).map(|line| line.split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn each_operation_makes_the_calls_and_logs_the_lines_that_the_guide_says() {
    let build = Build::current();
    let made = ALL.iter().filter(|operation| !operation.tls).map(|operation| {
        let program = build.function(operation.function).expect("the function is built: run `make test`");
        let sample = measure(&program, operation, 2);
        work_cells(operation, &sample.first, &sample.further).to_vec()
    });
    assert_eq!(rows_under("Calls of each operation"), made.collect::<Vec<_>>());
}

#[test]
fn the_shortest_run_of_the_bench_measures_every_operation() {
    let bench = env!("CARGO_BIN_EXE_bench");
    let output = Command::new(bench).args(["--rounds", "1", "--calls", "1"]).output().expect("the bench starts");
    let (table, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}");
    for operation in ALL.iter().filter(|operation| !operation.tls || Certificate::get().is_some()) {
        // Times and connections, at the least.
        let rows = table.lines().filter(|line| line.starts_with(&format!("| {} ", operation.name)));
        assert!(rows.count() >= 2, "{}: {table}", operation.name);
    }
    assert!(!table.contains("NaN"), "{table}");
}
