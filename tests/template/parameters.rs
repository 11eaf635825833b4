//! The parameters: explained, and valid in every combination that matters.

use crate::document::{root, template};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

fn parameters() -> BTreeSet<String> {
    template()["Parameters"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn each_parameter_is_explained_labelled_and_in_one_group_and_none_must_be_given() {
    let interface = &template()["Metadata"]["AWS::CloudFormation::Interface"];
    let groups = interface["ParameterGroups"].as_array().unwrap();
    let grouped = groups.iter().flat_map(|group| group["Parameters"].as_array().unwrap());
    let mut grouped: Vec<_> = grouped.map(|name| name.as_str().unwrap().to_owned()).collect();
    grouped.sort_unstable();
    assert_eq!(grouped, parameters().into_iter().collect::<Vec<_>>());
    assert_eq!(
        interface["ParameterLabels"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>(),
        parameters()
    );
    for (name, parameter) in template()["Parameters"].as_object().unwrap() {
        assert!(parameter["Description"].is_string(), "{name}");
        assert!(parameter.get("Default").is_some(), "{name}");
    }
}

/// What is optional, as somebody would give it.
fn options() -> Vec<(&'static str, Value)> {
    vec![
        ("ReceiverReservedConcurrency", json!(50)),
        ("SenderReservedConcurrency", json!(10)),
        ("ReserveDispatcherConcurrency", json!("true")),
        ("DomainName", json!("patchbay.example.com")),
        ("DisableDefaultAddress", json!("true")),
        ("CertificateArn", json!("arn:aws:acm:eu-central-1:123456789012:certificate/0c1d")),
        ("HostedZoneId", json!("Z0123456789")),
        ("KmsKeyArn", json!("arn:aws:kms:eu-central-1:123456789012:key/0c1d")),
        ("Tracing", json!("true")),
        ("AlarmTopicArn", json!("arn:aws:sns:eu-central-1:123456789012:on-call")),
        ("AlarmEmail", json!("on-call@example.com")),
    ]
}

/// What a trial does without.
const TRIAL: [&str; 3] = ["DeletionProtection", "Alarms", "KeepFailedMessages"];

/// The template as CloudFormation gets it, with other defaults, in a file.
fn variant(name: &str, values: &[(&str, Value)]) -> PathBuf {
    let mut document = template().clone();
    for (parameter, value) in values {
        let declared = document["Parameters"].get_mut(*parameter).unwrap_or_else(|| panic!("no {parameter}"));
        assert_ne!(declared["Default"], *value, "{parameter} is so already");
        declared["Default"] = value.clone();
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("template");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}.json"));
    std::fs::write(&file, document.to_string()).unwrap();
    file
}

#[test]
fn the_linter_finds_nothing_whether_all_that_is_optional_is_given_or_none_of_it() {
    let files = [
        variant("nothing", &[]),
        variant("everything", &options()),
        variant("trial", &TRIAL.map(|name| (name, json!("false")))),
    ];
    let output = Command::new(root().join(".venv/bin/cfn-lint")).args(files).output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && found.trim().is_empty(), "{found}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_condition_of_the_template_is_tried_both_ways() {
    let conditions: BTreeSet<_> = template()["Conditions"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut given: BTreeSet<String> = options().into_iter().map(|(name, _)| name.to_owned()).collect();
    given.extend(TRIAL.map(ToOwned::to_owned));
    for condition in conditions {
        let text = template()["Conditions"][condition].to_string();
        assert!(given.iter().any(|name| text.contains(&format!("\"{name}\""))), "{condition}: {text}");
    }
}
