//! The parameters are documented, and valid in every relevant combination.

use crate::document::{root, template};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

fn parameters() -> BTreeSet<String> {
    template()["Parameters"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn each_parameter_has_a_description_a_label_a_group_and_a_default() {
    let interface = &template()["Metadata"]["AWS::CloudFormation::Interface"];
    let groups = interface["ParameterGroups"].as_array().unwrap();
    let grouped = groups.iter().flat_map(|group| group["Parameters"].as_array().unwrap());
    let mut grouped: Vec<_> = grouped.map(|name| name.as_str().unwrap().to_owned()).collect();
    grouped.sort_unstable();
    assert_eq!(parameters().into_iter().collect::<Vec<_>>(), grouped);
    assert_eq!(
        parameters(),
        interface["ParameterLabels"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>()
    );
    for (name, parameter) in template()["Parameters"].as_object().unwrap() {
        assert!(parameter["Description"].is_string(), "{name}");
        assert!(parameter.get("Default").is_some(), "{name}");
    }
}

/// Values for all optional parameters.
fn optional_values() -> Vec<(&'static str, Value)> {
    vec![
        ("ReceiverReservedConcurrency", json!(50)),
        ("SenderReservedConcurrency", json!(10)),
        ("DispatcherReservedConcurrency", json!(120)),
        ("DomainName", json!("patchbay.example.com")),
        ("DisableDefaultAddress", json!("true")),
        ("CertificateArn", json!("arn:aws:acm:eu-central-1:123456789012:certificate/0c1d")),
        ("HostedZoneId", json!("Z0123456789")),
        ("PermissionsBoundaryArn", json!("arn:aws-us-gov:iam::123456789012:policy/bounds/functions")),
        ("RolePath", json!("/patchbay/")),
        ("KmsKeyArn", json!("arn:aws:kms:eu-central-1:123456789012:key/0c1d")),
        ("TrustedRootsFile", json!("/opt/roots.pem")),
        ("TrustedRootsLayerArn", json!("arn:aws:lambda:eu-central-1:123456789012:layer:roots:1")),
        ("GenesysEventSource", json!("aws.partner/genesys.com/cloud/32aa07aa-db1b-4987-abd0-9483601ec29d/patchbay")),
        ("SystemLogLevel", json!("INFO")),
        ("MetricsByIntegration", json!("true")),
        ("Tracing", json!("true")),
        ("AlarmTopicArn", json!("arn:aws:sns:eu-central-1:123456789012:on-call")),
        ("AlarmEmail", json!("on-call@example.com")),
        ("RunbookUrl", json!("https://runbooks.example.com/patchbay")),
    ]
}

/// The parameters that a trial stack turns off.
const TRIAL: [&str; 3] = ["DeletionProtection", "Alarms", "KeepFailedMessages"];

/// Writes the transformed template with other defaults to a file.
fn variant(name: &str, values: &[(&str, Value)]) -> PathBuf {
    let mut document = template().clone();
    for (parameter, value) in values {
        let declared = document["Parameters"].get_mut(*parameter).unwrap_or_else(|| panic!("no {parameter}"));
        assert_ne!(*value, declared["Default"], "{parameter} already has this default");
        declared["Default"] = value.clone();
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("template");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}.json"));
    std::fs::write(&file, document.to_string()).unwrap();
    file
}

#[test]
fn the_linter_accepts_the_template_with_no_optional_parameter_and_with_all_of_them() {
    let files = [
        variant("nothing", &[]),
        variant("everything", &optional_values()),
        variant("trial", &TRIAL.map(|name| (name, json!("false")))),
    ];
    let output = Command::new(root().join(".venv/bin/cfn-lint")).args(files).output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && found.trim().is_empty(), "{found}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_condition_of_the_template_is_tested_both_ways() {
    let conditions: BTreeSet<_> = template()["Conditions"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut given: BTreeSet<String> = optional_values().into_iter().map(|(name, _)| name.to_owned()).collect();
    given.extend(TRIAL.map(ToOwned::to_owned));
    for condition in conditions {
        let text = template()["Conditions"][condition].to_string();
        // One that combines others is tested with them.
        let combines = text.contains("\"Condition\"") && !text.contains("\"Ref\"");
        assert!(combines || given.iter().any(|name| text.contains(&format!("\"{name}\""))), "{condition}: {text}");
    }
}
