//! `make bench`: measures every function against an empty one, and optionally against an earlier commit.

#![allow(clippy::panic)] // a failed measurement ends the program

use bench::builds::{Build, commit};
use bench::operations::{ALL, EMPTY, Operation, WITH_SDK};
use bench::report::{self, Row, Sizes};
use bench::run::measure;
use bench::sizes;
use bench::tls::Certificate;
use jiff::Timestamp;

const USAGE: &str = "usage: bench [--rounds N] [--calls N] [--only PARTS_OF_NAMES] [--compare COMMIT]";

/// The budget for a function's zip file.
const MAX_ZIP_BYTES: u64 = 4_000_000;

struct Options {
    /// How many times each operation is measured.
    rounds: u32,
    /// How many calls each process gets after the first one.
    calls: u32,
    /// Parts of the names of the operations to measure, separated by commas. The empty functions are always measured.
    only: String,
    /// The earlier commit.
    compare: Option<String>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self { rounds: 20, calls: 50, only: String::new(), compare: None };
        while let Some(name) = arguments.next() {
            let value = arguments.next()?;
            match name.as_str() {
                "--rounds" => options.rounds = value.parse().ok().filter(|rounds| *rounds > 0)?,
                "--calls" => options.calls = value.parse().ok().filter(|calls| *calls > 0)?,
                "--only" => options.only = value,
                "--compare" => options.compare = Some(value),
                _ => return None,
            }
        }
        Some(options)
    }
}

fn main() {
    let Some(options) = Options::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        std::process::exit(2)
    };
    let named = |it: &Operation| options.only.split(',').any(|part| it.name.contains(part));
    let chosen = |it: &&Operation| [EMPTY, WITH_SDK].contains(&it.function) || named(it);
    let possible = |it: &&Operation| !it.tls || Certificate::get().is_some();
    let operations: Vec<_> = ALL.iter().filter(chosen).filter(possible).collect();
    let earlier = options.compare.as_deref().map(|commit| Build::of_commit(commit).copied());
    let now = if earlier.is_some() { Build::current().copied() } else { Build::current() };
    let mut rows = rows(&operations);
    let mut earlier_rows = self::rows(&operations);
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        for (index, operation) in operations.iter().enumerate() {
            for (build, rows) in [(earlier.as_ref(), &mut earlier_rows), (Some(&now), &mut rows)] {
                // An earlier build has no empty functions, and may lack others.
                let program = build.and_then(|build| build.function(operation.function));
                if let (Some(program), Some(row)) = (program, rows.get_mut(index)) {
                    row.samples.push(measure(&program, operation, options.calls));
                }
            }
        }
    }
    if let Some(missing) = rows.iter().find(|row| row.samples.is_empty()) {
        panic!("{} is not built", missing.operation.function);
    }
    let commit = commit().unwrap_or_else(|| "no checkout".to_owned());
    println!("{} at {commit}, {} rounds of {} calls\n", Timestamp::now().strftime("%F"), options.rounds, options.calls);
    println!("{}\n{}", report::times(&rows), report::noise(&rows));
    println!("{}\n{}", report::work(&rows), report::connections(&rows));
    let sizes = sizes_of(&operations, &now);
    println!("{}", report::sizes(&sizes));
    if let Some(earlier) = earlier {
        println!("Before, at {}, and now (the ratio):\n\n{}", earlier.name, report::comparison(&earlier_rows, &rows));
        println!("At {}:\n\n{}", earlier.name, report::work(&earlier_rows));
        println!("{}", report::connections(&earlier_rows));
        println!("{}", report::sizes(&sizes_of(&operations, &earlier)));
    }
    let large: Vec<_> = sizes.iter().filter(|sizes| sizes.zip.is_some_and(|zip| zip > MAX_ZIP_BYTES)).collect();
    if !large.is_empty() {
        let names: Vec<_> = large.iter().map(|sizes| sizes.function).collect();
        eprintln!("zip files of more than {MAX_ZIP_BYTES} bytes: {}", names.join(", "));
        std::process::exit(1);
    }
}

fn rows<'r>(operations: &[&'r Operation]) -> Vec<Row<'r>> {
    operations.iter().map(|operation| Row { operation, samples: Vec::new() }).collect()
}

/// The sizes of each function, probed with the first of its operations.
fn sizes_of(operations: &[&Operation], build: &Build) -> Vec<Sizes> {
    let mut all: Vec<Sizes> = Vec::new();
    for operation in operations {
        let Some(program) = build.function(operation.function) else { continue };
        if all.iter().any(|sizes| sizes.function == operation.function) {
            continue;
        }
        all.push(Sizes {
            function: operation.function,
            binary: sizes::binary(&program),
            // A debug build is never deployed, so its size means nothing.
            zip: (!cfg!(debug_assertions)).then(|| sizes::zip(&program)),
            root_loads: sizes::root_loads(&program, operation),
        });
    }
    all
}
