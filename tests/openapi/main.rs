//! docs/openapi.yaml agrees with the template, the functions and the guides. This needs no stack. End-to-end tests
//! check the deployed functions against it.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests fail by panicking

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use shared::api::problem::{Problem, ProblemType};
use shared::model::platform_name::PlatformName;
use shared::model::receipt::{ReasonCode, ReportedOutcome};
use shared::model::trace_id::TraceId;
use std::collections::BTreeSet;
use tests::spec::documents;
use tests::spec::openapi::{Document, Node, Operation, Received, printed_by_python, root};
use tests::spec::template::transformed;

/// All places below `node` with named examples and a schema.
fn with_examples<'d>(node: &Node<'d>, found: &mut Vec<Node<'d>>) {
    if node.get("schema").is_some() && node.get("examples").is_some() {
        found.push(node.clone());
    }
    for (name, member) in node.members() {
        if name != "examples" && name != "schema" {
            with_examples(&member, found);
        }
    }
}

fn as_rust_makes_it(problem_type: ProblemType) -> Value {
    Problem::new(problem_type, "What exactly.").body("r-1")
}

#[test]
fn it_has_exactly_the_templates_routes() {
    let template = transformed();
    let mut deployed = BTreeSet::new();
    for resource in template["Resources"].as_object().unwrap().values() {
        for (path, methods) in resource["Properties"]["Body"]["paths"].as_object().into_iter().flatten() {
            deployed.extend(methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
        }
    }
    let document = Document::read();
    let documented: BTreeSet<_> =
        document.operations().into_iter().map(|operation| (operation.method, operation.path)).collect();
    assert!(!deployed.is_empty());
    assert_eq!(deployed, documented);
}

#[test]
fn it_lists_exactly_the_existing_problems() {
    let document = Document::read();
    let problem = document.schema("Problem");
    let listed: Vec<_> = problem.at("properties").at("type").at("enum").value().as_array().unwrap().to_vec();
    let made: Vec<_> = ProblemType::ALL.iter().map(|it| as_rust_makes_it(*it)["type"].clone()).collect();
    assert_eq!(made, listed);

    let description = problem.at("description").value().as_str().unwrap();
    let rows: Vec<_> = description.lines().filter_map(|line| line.strip_prefix("| `")).collect();
    assert_eq!(made.len(), rows.len());
    for (problem_type, row) in ProblemType::ALL.iter().zip(rows) {
        let expected = format!("{}` | {} | ", problem_type.as_str(), as_rust_makes_it(*problem_type)["status"]);
        assert!(row.starts_with(&expected), "{row}");
    }
}

#[test]
fn it_lists_exactly_the_existing_status_words_and_reason_codes() {
    let document = Document::read();
    let status = document.schema("Receipt").at("properties").at("status").at("enum");
    assert_eq!(&json!(ReportedOutcome::status_words().collect::<Vec<_>>()), status.value());
    let description = document.schema("Reason").at("properties").at("code").at("description");
    let rows = description.value().as_str().unwrap().lines().filter_map(|line| line.strip_prefix("| `"));
    let listed = rows.map(|row| row.trim_end_matches('|').trim_end().split_once("` |").unwrap());
    let number = |name: &str| {
        let code = ReasonCode::from_name(name).unwrap();
        let number = (0..1_000).find(|number| ReasonCode::from_number(*number).as_ref() == Some(&code));
        number.map(|number| format!(" {number}")).unwrap_or_default()
    };
    let listed: Vec<_> = listed.map(|(name, number)| (name, number.to_owned())).collect();
    assert_eq!(Vec::from_iter(ReasonCode::WORDS.iter().map(|name| (*name, number(name)))), listed);
}

#[test]
fn the_schema_of_deliveries_is_made_from_the_document() {
    let published = std::fs::read_to_string(root().join("shared/schema/delivery.schema.json")).unwrap();
    let published: Value = serde_json::from_str(&published).unwrap();
    assert_eq!(printed_by_python(&["infra/openapi/delivery_schema.py"]), published);
}

/// The schemas below `value`, each with its place.
fn schemas<'v>(value: &'v Value, place: String, found: &mut Vec<(String, &'v Value)>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Array(elements) => elements.iter().enumerate().map(|(index, it)| (index.to_string(), it)).collect(),
        // Generators skip what is under these.
        Value::Object(members) => {
            let read =
                members.iter().filter(|(name, _)| !["if", "then", "else", "not", "examples"].contains(&name.as_str()));
            read.map(|(name, it)| (name.clone(), it)).collect()
        }
        _ => Vec::new(),
    };
    found.push((place.clone(), value));
    for (name, member) in members {
        schemas(member, format!("{place}/{name}"), found);
    }
}

#[test]
fn client_generators_can_read_every_schema() {
    let text = std::fs::read_to_string(root().join("docs/openapi.yaml")).unwrap();
    assert!(!text.contains("<<:"), "not every YAML parser merges");
    let document = Document::read();
    let mut found = Vec::new();
    schemas(document.root().value(), String::new(), &mut found);
    let (mut bodies, mut problems) = (0, 0);
    for (place, schema) in found {
        let Some(members) = schema.as_object() else { continue };
        if let Some(properties) = members.get("properties").and_then(Value::as_object) {
            assert!(!["anyOf", "oneOf", "allOf"].iter().any(|union| members.contains_key(*union)), "{place}");
            assert!(properties.values().all(Value::is_object), "{place}");
        }
        if let (true, Some(schema)) = (place.contains("/content/"), members.get("schema")) {
            assert!(schema.as_object().unwrap().keys().eq(["$ref"]), "{place}: a body without a name");
            bodies += 1;
            if place.ends_with("/application/problem+json") {
                assert_eq!("#/components/schemas/Problem", schema["$ref"], "{place}");
                problems += 1;
            }
        }
    }
    assert!(bodies > 40 && problems > 20, "{bodies} {problems}");
}

#[test]
fn every_problem_belongs_to_a_response() {
    let document = Document::read();
    let mut in_answers = BTreeSet::new();
    for operation in document.operations() {
        for (_, response) in operation.responses() {
            let content = response.get("content").and_then(|content| content.get("application/problem+json"));
            in_answers.extend(content.iter().flat_map(Node::problem_types));
        }
    }
    let made: BTreeSet<_> = ProblemType::ALL.iter().map(|problem_type| problem_type.as_str()).collect();
    assert_eq!(made, in_answers);
}

#[test]
fn a_problem_is_listed_under_its_own_status() {
    let document = Document::read();
    for operation in document.operations() {
        for (status, response) in operation.responses() {
            let Some(content) = response.get("content").and_then(|content| content.get("application/problem+json"))
            else {
                continue;
            };
            let types = content.problem_types();
            for problem_type in ProblemType::ALL.iter().filter(|it| types.contains(&it.as_str())) {
                // A platform that expects another status for a retry gets that one.
                let asks_to_retry = operation.id() == "receiveWebhook"
                    && *problem_type == ProblemType::Unavailable
                    && PlatformName::ALL.iter().any(|platform| status == platform.retry_status().as_str());
                // The platform's own 4xx is passed on.
                if *problem_type != ProblemType::PlatformRefused && !asks_to_retry {
                    let expected = as_rust_makes_it(*problem_type)["status"].to_string();
                    assert_eq!(expected, status, "{} of {}", problem_type.as_str(), operation.id());
                }
            }
        }
    }
}

#[test]
fn every_example_matches_its_schema() {
    let document = Document::read();
    let mut places = Vec::new();
    with_examples(&document.root().at("paths"), &mut places);
    with_examples(&document.root().at("webhooks"), &mut places);
    let mut checked = 0;
    for place in &places {
        for (name, example) in place.examples() {
            assert_eq!(Vec::<String>::new(), place.at("schema").faults(example), "{name}: {example}");
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn every_body_and_every_response_has_an_example() {
    let document = Document::read();
    for operation in document.operations() {
        assert!(!operation.has_body() || !operation.body().examples().is_empty(), "{}", operation.id());
        for (status, response) in operation.responses() {
            let content = response.get("content");
            assert!(content.is_some() || operation.method == "HEAD", "{} {status}", operation.id());
            for (media_type, content) in content.map(|content| content.members()).unwrap_or_default() {
                assert!(!content.examples().is_empty(), "{} {status} {media_type}", operation.id());
            }
        }
    }
}

#[test]
fn examples_of_problems_have_the_titles_of_the_functions() {
    let document = Document::read();
    let mut seen = BTreeSet::new();
    for operation in document.operations() {
        for (_, response) in operation.responses() {
            let content = response.get("content").and_then(|content| content.get("application/problem+json"));
            for (_, example) in content.map(|content| content.examples()).unwrap_or_default() {
                let made = ProblemType::ALL.iter().map(|it| as_rust_makes_it(*it));
                let made = made.into_iter().find(|made| made["type"] == example["type"]).unwrap();
                assert_eq!(made["title"], example["title"]);
                seen.insert(example["type"].to_string());
            }
        }
    }
    assert!(seen.len() >= ProblemType::ALL.len() - 2, "{seen:?}");
}

/// The differences between the document and a webhook response with these headers.
fn differences(status: u16, body: Value, headers: &[(&'static str, &'static str)]) -> Vec<String> {
    let document = Document::read();
    let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let received = Received { status, headers: headers.collect(), body };
    let operations = document.operations();
    operations.iter().find(|operation| operation.id() == "receiveWebhook").unwrap().differences(&received)
}

#[test]
fn a_response_of_a_function_without_its_request_id_violates_the_document() {
    let json = ("content-type", "application/json");
    let none = Vec::<String>::new();
    assert_eq!(none, differences(200, json!({}), &[json, ("x-request-id", "r-1")]));
    // A text, although it looks like a number.
    assert_eq!(none, differences(200, json!({}), &[json, ("x-request-id", "4711")]));
    assert_eq!(vec!["a 200 came without x-request-id"], differences(200, json!({}), &[json]));
    assert!(!differences(200, json!({}), &[json, ("x-request-id", "")]).is_empty());

    let unavailable = as_rust_makes_it(ProblemType::Unavailable);
    let problem = ("content-type", "application/problem+json");
    let both = [problem, ("x-request-id", "r-1"), ("retry-after", "5")];
    assert_eq!(none, differences(503, unavailable.clone(), &both));
    assert_eq!(vec!["a 503 came without x-request-id"], differences(503, unavailable.clone(), &both[..1]));
    assert!(!differences(503, unavailable, &[problem, both[1], ("retry-after", "soon")]).is_empty());
    // Another response's problem, and one with another status.
    let rate_limited = as_rust_makes_it(ProblemType::RateLimited);
    assert!(!differences(429, rate_limited, &both).is_empty());
    let unavailable = as_rust_makes_it(ProblemType::Unavailable);
    assert!(!differences(429, unavailable.clone(), &both).is_empty());
    // API Gateway sends none.
    assert_eq!(none, differences(503, json!({"message": "Service Unavailable"}), &[json]));
    assert!(!differences(503, unavailable, &[json]).is_empty());
}

#[test]
fn every_response_of_a_function_is_documented_with_its_request_id() {
    for operation in Document::read().operations() {
        for (status, response) in operation.responses() {
            let by_function =
                status.starts_with('2') || response.at("content").get("application/problem+json").is_some();
            let documented = response.get("headers").is_some_and(|headers| headers.get("X-Request-Id").is_some());
            assert_eq!(by_function, documented, "{} {status}", operation.id());
        }
    }
}

#[test]
fn every_operation_has_the_headers_that_a_trace_is_read_from() {
    let (document, mut checked) = (Document::read(), 0);
    for (path, item) in document.root().at("paths").members() {
        let parameters = item.at("parameters").value().as_array().unwrap();
        let references: Vec<_> = parameters.iter().map(|parameter| parameter["$ref"].as_str().unwrap()).collect();
        let traced = ["TraceId", "TraceParent", "CorrelationId"].map(|name| format!("#/components/parameters/{name}"));
        assert!(references.ends_with(&traced.each_ref().map(String::as_str)), "{path}");
        checked += 1;
    }
    assert!(checked > 0);
    let parameters = document.root().at("components").at("parameters");
    for (name, header) in
        [("TraceId", "X-B3-TraceId"), ("TraceParent", "traceparent"), ("CorrelationId", "X-Correlation-Id")]
    {
        let parameter = parameters.at(name);
        // These are the headers that `TraceId::from_headers` reads.
        let example = parameter.at("example").value().as_str().unwrap();
        let name = HeaderName::try_from(parameter.at("name").value().as_str().unwrap()).unwrap();
        assert_eq!(header.to_lowercase(), name.as_str());
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(example).unwrap())]);
        assert!(TraceId::from_headers(&headers).is_some_and(|id| example.contains(id.as_str())), "{header}: {example}");
    }
}

/// The statuses in the first column of the table below `heading` in the guide.
fn statuses_below(heading: &str) -> BTreeSet<String> {
    let prose = documents::Document::read("docs/api.md");
    let cells = prose.rows_under(heading).map(|row| row.cells[0].as_str());
    cells.flat_map(|cell| cell.split(',')).map(|status| status.trim().to_owned()).collect()
}

/// The documented statuses of a function.
fn documented(document: &Document, is_its: impl Fn(&Operation<'_>) -> bool) -> BTreeSet<String> {
    let mut statuses = BTreeSet::new();
    for operation in document.operations().into_iter().filter(is_its) {
        let by_function = |response: &Node<'_>, status: &str| {
            status.starts_with('2') || response.at("content").get("application/problem+json").is_some()
        };
        statuses.extend(
            operation
                .responses()
                .into_iter()
                .filter_map(|(status, response)| by_function(&response, &status).then_some(status)),
        );
    }
    statuses
}

#[test]
fn the_guide_lists_the_same_statuses() {
    let document = Document::read();
    assert_eq!(
        statuses_below("POST /integrations/{integration}/webhook"),
        documented(&document, |operation| operation.id() == "receiveWebhook")
    );
    for (route, like) in [
        ("POST /integrations/{integration}/channel", "POST /integrations/{integration}/channel"),
        ("POST /integrations/{integration}/channel/status/{token}", "POST /integrations/{integration}/channel"),
        (
            "GET /integrations/{integration}/channel/files/{token}",
            "GET /integrations/{integration}/channel/files/{token}",
        ),
    ] {
        let is_it = |operation: &Operation<'_>| format!("{} {}", operation.method, operation.path) == route;
        assert_eq!(statuses_below(like), documented(&document, is_it), "{route}");
    }
    let mut of_head = statuses_below("GET /integrations/{integration}/channel/files/{token}");
    assert!(of_head.remove("413"));
    assert_eq!(of_head, documented(&document, |operation| operation.id() == "showChannelFile"));
    let is_of_senders = |operation: &Operation<'_>| operation.id() != "receiveWebhook" && !operation.is_of_a_channel();
    let mut of_senders = documented(&document, is_of_senders);
    // The guide calls them the platform's 4xx.
    assert!(of_senders.remove("4XX"));
    let mut in_prose = statuses_below("Responses");
    assert!(in_prose.remove("the platform's 4xx"));
    assert_eq!(in_prose, of_senders);
}
