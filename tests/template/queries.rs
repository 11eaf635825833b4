//! The saved queries: they are those of the runbook, and name what the logs have.

use crate::document::{Resources, short, strings};
use crate::permissions::every_condition;
use serde_json::{Map, Value};
use shared::observability::metrics::Event;
use std::collections::BTreeSet;
use tests::spec::documents::{Block, Document};
use tests::spec::log_fields::LogFields;
use tests::spec::template::{CONVERSATION_EVENTS, FUNCTIONS, RECEIVERS};

/// The log group of the API's access log.
const ACCESS_LOG: &str = "ApiAccessLogs";
/// Fields that CloudWatch Logs adds.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html>
const OF_CLOUDWATCH: [&str; 2] = ["@timestamp", "@log"];
/// Fields and values of Lambda's own lines. <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>
const OF_LAMBDA: [&str; 2] = ["record.status", "record.requestId"];
const STATUSES_OF_LAMBDA: [&str; 3] = ["error", "failure", "timeout"];
const LEVELS: [&str; 2] = ["ERROR", "WARN"];
/// The words of the query language that the queries use.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html>
const LANGUAGE: [&str; 19] = [
    "filter", "fields", "stats", "sort", "by", "as", "desc", "and", "or", "not", "in", "like", "count", "sum", "avg",
    "min", "max", "pct", "bin",
];

/// A query of the template.
struct Query {
    /// The heading of the runbook that it is named after.
    heading: String,
    text: String,
    log_groups: Vec<String>,
}

fn saved() -> Vec<Query> {
    let read = |(id, properties): (&str, &Value)| {
        let name = short(&properties["Name"]);
        let name =
            name.strip_prefix("${AWS::StackName}/").unwrap_or_else(|| panic!("{id} is not in the stack's folder"));
        let (text, log_groups) = (short(&properties["QueryString"]), strings(&properties["LogGroupNames"]));
        Query { heading: name.split(',').next().unwrap().to_owned(), text, log_groups }
    };
    Resources::when(&every_condition()).of_type("AWS::Logs::QueryDefinition").into_iter().map(read).collect()
}

fn is_query(block: &Block) -> bool {
    block.language.is_empty() && block.code.starts_with("filter ")
}

#[test]
fn the_saved_queries_are_those_of_the_runbook() {
    let runbook = Document::read("docs/operate.md");
    let printed = runbook.blocks.iter().filter(|block| is_query(block));
    let mut printed: Vec<_> = printed.map(|block| (block.heading.clone(), block.code.trim_end().to_owned())).collect();
    let mut saved: Vec<_> = saved().into_iter().map(|query| (query.heading, query.text)).collect();
    printed.sort();
    saved.sort();
    assert_eq!(printed, saved);
}

#[test]
fn each_query_has_a_name_of_its_own() {
    let resources = Resources::when(&every_condition());
    let queries = resources.of_type("AWS::Logs::QueryDefinition");
    let names: BTreeSet<_> = queries.iter().map(|(_, properties)| short(&properties["Name"])).collect();
    assert_eq!(queries.len(), names.len());
}

/// The fields by which a query counts lines, if it does nothing else.
fn counted_by(query: &str) -> impl Iterator<Item = &str> {
    let count = query.lines().find_map(|line| line.strip_prefix("| stats count(*) as ")).unwrap_or_default();
    let fields = count.split_once(" by ").filter(|(name, fields)| !name.contains(',') && !fields.contains('('));
    fields.into_iter().flat_map(|(_, fields)| fields.trim_end().split(", "))
}

#[test]
fn above_each_query_of_the_runbook_is_the_command_that_counts_or_shows_its_lines() {
    let runbook = Document::read("docs/operate.md");
    let known: BTreeSet<_> = &LogFields::of_the_functions().fields | &access_log_fields();
    for pair in runbook.blocks.windows(2).filter(|pair| is_query(&pair[1])) {
        let [command, query] = pair else { unreachable!() };
        let arguments =
            command.code.strip_prefix("patchbay logs --").unwrap_or_else(|| panic!("{query:?}: {command:?}"));
        assert_eq!((&query.heading, 1), (&command.heading, command.code.lines().count()));
        let (_, counted) = arguments.split_once("--count-by ").unwrap_or_default();
        let counted: BTreeSet<_> = counted.trim_end().split(',').filter(|field| !field.is_empty()).collect();
        let of_query: BTreeSet<_> = counted_by(&query.code).collect();
        assert!(of_query.is_subset(&counted), "{query:?}: {command:?}");
        assert!(counted.iter().all(|field| known.contains(*field)), "{command:?}: no line has one of the fields");
        for condition in arguments.split("--where ").skip(1) {
            let field = condition.trim_start_matches('\'').split('=').next().unwrap();
            assert!(known.contains(field), "{command:?}: no line has {field}");
        }
    }
}

#[test]
fn where_the_runbook_looks_at_log_lines_it_has_a_query() {
    let text = Document::read("docs/operate.md").text;
    let (_, alarms) = text.split_once("\n## Alarms\n").unwrap();
    let (alarms, _) = alarms.split_once("\n## ").unwrap();
    let mut sections = 0;
    for section in alarms.split("\n### ").skip(1).filter(|section| section.contains("log line")) {
        let heading = section.lines().next().unwrap();
        let refers = section.contains("the same log lines as for [");
        assert!(refers || section.contains("\n```\nfilter "), "{heading}");
        sections += 1;
    }
    assert!(sections > 15);
}

/// The words of a query, and its texts in quotation marks.
fn words(query: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut words, mut texts) = (Vec::new(), Vec::new());
    for (index, part) in query.split('"').enumerate() {
        if index % 2 == 1 {
            texts.push(part);
        } else {
            let is_part = |character: char| character.is_ascii_alphanumeric() || "_.@/^-".contains(character);
            words.extend(part.split(|character| !is_part(character)).filter(|word| !word.is_empty()));
        }
    }
    (words, texts)
}

fn access_log_fields() -> BTreeSet<String> {
    let resources = Resources::by_default();
    let stages = resources.of_type("AWS::ApiGatewayV2::Stage");
    let [(_, stage)] = stages.as_slice() else { panic!("{stages:?}") };
    let format: Map<String, Value> =
        serde_json::from_str(stage["AccessLogSettings"]["Format"].as_str().unwrap()).unwrap();
    format.keys().cloned().collect()
}

#[test]
fn a_query_names_only_fields_that_its_logs_have() {
    let found = LogFields::of_the_functions();
    let metrics: Vec<_> = Event::METRICS.iter().map(|metric| metric.name).collect();
    let access_log = access_log_fields();
    for Query { heading, text, log_groups } in saved() {
        let (words, texts) = words(&text);
        let aliases: Vec<_> = words.windows(2).filter(|pair| pair[0] == "as").map(|pair| pair[1]).collect();
        let of_access_log = log_groups == [ACCESS_LOG];
        for word in words {
            let is_value = word.starts_with(|first: char| first.is_ascii_digit() || first == '/');
            let is_known =
                is_value || LANGUAGE.contains(&word) || OF_CLOUDWATCH.contains(&word) || aliases.contains(&word);
            let is_field = if of_access_log {
                access_log.contains(word)
            } else {
                found.fields.contains(word) || metrics.contains(&word) || OF_LAMBDA.contains(&word)
            };
            assert!(is_known || is_field, "{heading}: no line has {word}");
        }
        for value in texts.into_iter().filter(|_| !of_access_log) {
            let is_known = LEVELS.contains(&value) || STATUSES_OF_LAMBDA.contains(&value);
            assert!(is_known || found.texts.contains(value), "{heading}: no line has the value {value}");
        }
    }
}

#[test]
fn a_query_reads_the_logs_of_one_function_or_of_both_receivers_or_of_all_or_the_access_log() {
    let logs = |name: &&str| format!("{name}Logs");
    let every: BTreeSet<_> = FUNCTIONS.iter().chain([&CONVERSATION_EVENTS]).map(logs).collect();
    for query in saved() {
        match query.log_groups.as_slice() {
            [one] => assert!(every.contains(one) || one == ACCESS_LOG, "{}: {one}", query.heading),
            of_receivers if query.heading == "SignaturesRefused" => {
                assert_eq!(RECEIVERS.each_ref().map(logs), *of_receivers);
            }
            several => assert_eq!(every, several.iter().cloned().collect(), "{}", query.heading),
        }
    }
}
