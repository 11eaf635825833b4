//! Exact budgets: calls, log lines, TLS configurations and dependencies. And `make bench` works. Times are never asserted.

#![allow(clippy::expect_used, clippy::panic)] // tests fail by panicking

use bench::builds::Build;
use bench::operations::ALL;
use bench::report::work_cells;
use bench::run::measure;
use bench::sizes::root_loads;
use bench::tls::Certificate;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The rows of the table under a heading of docs/performance.md.
fn rows_under(heading: &str) -> Vec<Vec<String>> {
    let guide = include_str!("../../docs/performance.md");
    let sections = guide.split("\n## ");
    let section = sections.into_iter().find(|section| section.lines().next() == Some(heading)).expect("the heading");
    let lines = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    // The first two lines are the header.
    lines.skip(2).map(|line| line.split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The names of the functions that are deployed.
fn functions() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let entries = std::fs::read_dir(folder).expect("the folder of functions");
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "it reads Linux's /proc")]
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
#[cfg_attr(not(target_os = "linux"), ignore = "it reads Linux's /proc")]
fn each_function_has_one_tls_configuration_from_its_start_on() {
    for function in functions() {
        let operation = ALL.iter().find(|operation| operation.function == function);
        let operation = operation.unwrap_or_else(|| panic!("{function} is not measured"));
        let program = Build::current().function(&function).expect("the function is built: run `make test`");
        if let Some(loads) = root_loads(&program, operation) {
            assert_eq!([1, 1], loads, "{function}");
        }
    }
}

#[test]
fn no_function_has_a_dependency_that_costs_size_or_time_for_nothing() {
    let packages = functions().into_iter().flat_map(|function| ["--package".to_owned(), function]);
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(packages)
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8_lossy(&tree.stdout);
    let dependencies: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(dependencies.contains("aws-sdk-sqs"), "{tree}");
    for (unwanted, why) in [
        ("aws-config", "Lambda sets the credentials in the environment"),
        ("aws-smithy-http-client", "the SDK uses the functions' own HTTP client"),
        ("h2", "one connection serves one request at a time"),
        ("regex-automata", "a log level is no pattern"),
    ] {
        assert!(!dependencies.contains(unwanted), "{unwanted}: {why}");
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "it reads Linux's /proc")]
fn the_shortest_run_of_the_bench_measures_every_operation() {
    let bench = env!("CARGO_BIN_EXE_bench");
    let output = Command::new(bench).args(["--rounds", "1", "--calls", "1"]).output().expect("the bench starts");
    let (table, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}");
    for operation in ALL.iter().filter(|operation| !operation.tls || Certificate::get().is_some()) {
        // In the tables of times and of connections.
        let rows = table.lines().filter(|line| line.starts_with(&format!("| {} ", operation.name)));
        assert!(rows.count() >= 2, "{}: {table}", operation.name);
    }
    assert!(!table.contains("NaN"), "{table}");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "it reads Linux's /proc")]
fn functions_end_with_the_bench_however_it_ends() {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_bench"));
    let mut bench = bench.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the bench starts");
    let mut errors = BufReader::new(bench.stderr.take().expect("a pipe"));
    let mut line = String::new();
    errors.read_line(&mut line).expect("the bench prints progress");
    bench.kill().expect("the bench runs");
    bench.wait().expect("the bench ends");
    // The functions inherit standard error, so that it ends when the last of them does.
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = ended.send(errors.read_to_end(&mut Vec::new()).is_ok());
    });
    assert_eq!(Ok(true), end.recv_timeout(Duration::from_secs(60)), "a function still runs");
}
