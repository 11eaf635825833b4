//! The guides cover the template.

use serde_json::Value;
use shared::observability::metrics::Event;
use std::sync::LazyLock;
use tests::spec::documents::Document;
use tests::spec::template::{transformed, writers};

static TEMPLATE: LazyLock<&Value> = LazyLock::new(transformed);

fn names_in(section: &str) -> impl Iterator<Item = &'static str> {
    TEMPLATE[section].as_object().unwrap().keys().map(String::as_str)
}

fn resources(resource_type: &str) -> Vec<&'static str> {
    names_in("Resources").filter(|name| TEMPLATE["Resources"][name]["Type"] == resource_type).collect()
}

#[test]
fn every_alarm_has_its_own_heading_and_every_such_heading_an_alarm() {
    let guide = Document::read("docs/operate.md");
    let alarms = resources("AWS::CloudWatch::Alarm");
    for alarm in &alarms {
        assert!(guide.headings.iter().any(|heading| heading == alarm), "{alarm}");
    }
    // An alarm's name is one word in camel case, unlike all other headings.
    let looks_like_one = |heading: &str| heading.chars().skip(1).any(char::is_uppercase) && !heading.contains(' ');
    for heading in guide.headings.iter().filter(|heading| looks_like_one(heading)) {
        assert!(alarms.contains(&heading.as_str()), "there is no alarm {heading}");
    }
}

#[test]
fn widgets_that_the_operations_guide_names_are_on_the_dashboard() {
    let guide = Document::read("docs/operate.md");
    let dashboard = TEMPLATE["Resources"]["Dashboard"]["Properties"]["DashboardBody"].to_string();
    assert!(!guide.emphasised.is_empty());
    for title in &guide.emphasised {
        assert!(dashboard.contains(&format!(r#"\"title\": \"{title}"#)), "{title}");
    }
}

#[test]
fn the_deployment_guide_lists_exactly_the_templates_parameters() {
    let guide = Document::read("docs/deploy.md");
    let shown: Vec<_> = guide.rows_under("Parameters").map(|row| row.cells[0].as_str()).collect();
    let mut parameters: Vec<_> = names_in("Parameters").collect();
    let mut sorted = shown.clone();
    parameters.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(parameters, sorted);
}

#[test]
fn the_documented_defaults_are_the_parameters_defaults() {
    let guide = Document::read("docs/deploy.md");
    for row in guide.rows_under("Parameters") {
        let default = match &TEMPLATE["Parameters"][&row.cells[0]]["Default"] {
            Value::String(text) if text.is_empty() => "none".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        assert_eq!(default, row.cells[1], "{}", row.cells[0]);
    }
}

#[test]
fn every_output_is_in_the_guide_to_deploying() {
    let guide = Document::read("docs/deploy.md");
    for output in names_in("Outputs") {
        assert!(guide.rows_under("Outputs").any(|row| row.cells[0] == output), "{output}");
    }
}

#[test]
fn every_route_has_its_own_heading() {
    let guide = Document::read("docs/api.md");
    let mut routes = 0;
    for api in resources("AWS::ApiGatewayV2::Api") {
        for (path, methods) in TEMPLATE["Resources"][api]["Properties"]["Body"]["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let route = format!("{} {path}", method.to_uppercase());
                assert!(guide.headings.contains(&route), "{route}");
                routes += 1;
            }
        }
    }
    assert!(routes > 0);
}

#[test]
fn the_guide_to_costs_counts_the_metrics_that_alarms_watch() {
    let looks_at = |alarm: &&str| {
        let properties = &TEMPLATE["Resources"][alarm]["Properties"];
        let several = properties["Metrics"].as_array();
        several.map_or(1, |metrics| metrics.iter().filter(|metric| metric.get("MetricStat").is_some()).count())
    };
    let count: usize = resources("AWS::CloudWatch::Alarm").iter().map(looks_at).sum();
    let guide = Document::read("docs/cost.md");
    let row = guide.rows.iter().find(|row| row.cells[0] == "CloudWatch: metrics that alarms look at").unwrap();
    assert_eq!(count.to_string(), row.cells[1]);
}

#[test]
fn the_guide_to_costs_counts_the_metrics_of_a_stack_and_those_of_an_integration() {
    // The guide assumes calls to platforms with two outcomes, and one value of all other dimensions.
    let values = |metric: &str| if metric == "PlatformCalls" { 2 } else { 1 };
    let count = |by_integration: bool| -> usize {
        let sets = Event::METRICS.iter().map(|metric| (metric.name, metric.dimension_sets(by_integration).len()));
        sets.map(|(name, sets)| writers(name).len() * sets * values(name)).sum()
    };
    let guide = Document::read("docs/cost.md");
    let shown = guide.rows.iter().filter(|row| row.cells[0] == "CloudWatch: custom metrics");
    let shown: Vec<_> = shown.map(|row| row.cells[1].as_str()).collect();
    assert_eq!([count(false).to_string(), (count(true) - count(false)).to_string()], *shown);
}
