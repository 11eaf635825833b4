//! The API: throttled, logged without message content, and under its domain name when it has one.

use crate::document::{Resources, evaluate, template};
use crate::permissions::every_condition;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The context variables that the access log may contain: route and source of the request, and the response. None has the
/// path, in which a channel's links have their tokens.
const LOGGED: [&str; 12] = [
    "requestTime",
    "requestId",
    "awsEndpointRequestId",
    "routeKey",
    "status",
    "responseLength",
    "responseLatency",
    "integrationStatus",
    "integrationLatency",
    "integrationErrorMessage",
    "error.responseType",
    "identity.sourceIp",
];

fn stage(resources: &Resources) -> Value {
    let [(_, stage)] = resources.of_type("AWS::ApiGatewayV2::Stage")[..] else { panic!("one stage") };
    stage.clone()
}

fn routes() -> BTreeSet<String> {
    let paths = template()["Resources"]["Api"]["Properties"]["Body"]["paths"].as_object().unwrap();
    let methods = |path: &Value| path.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let named = paths.iter().flat_map(|(path, operations)| {
        methods(operations).into_iter().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    named.collect()
}

#[test]
fn every_route_is_throttled_and_webhooks_separately_from_callers() {
    let stage = stage(&Resources::by_default());
    let limits =
        |rate: &str, burst: &str| json!({"ThrottlingRateLimit": {"Ref": rate}, "ThrottlingBurstLimit": {"Ref": burst}});
    assert_eq!(limits("CallerRate", "CallerBurst"), stage["DefaultRouteSettings"], "the default for all routes");
    let named = stage["RouteSettings"].as_object().unwrap();
    for (route, settings) in named {
        assert!(routes().contains(route), "API Gateway refuses settings of an unknown route: {route}");
        assert_eq!(limits("WebhookRate", "WebhookBurst"), *settings, "{route}");
    }
    let webhooks: Vec<_> = routes().into_iter().filter(|route| route.ends_with("/webhook")).collect();
    assert_eq!(webhooks, named.keys().cloned().collect::<Vec<_>>());
    for parameter in ["CallerRate", "CallerBurst", "WebhookRate", "WebhookBurst"] {
        assert_eq!(1, template()["Parameters"][parameter]["MinValue"], "{parameter}: 0 would shut the API");
    }
}

#[test]
fn a_channel_is_served_at_four_routes_of_one_function() {
    let resources = Resources::by_default();
    let paths = &resources.properties("Api")["Body"]["paths"];
    let of_channels: BTreeSet<_> = routes().into_iter().filter(|route| route.contains("/channel")).collect();
    let expected = [
        "POST /integrations/{integration}/channel",
        "POST /integrations/{integration}/channel/status/{token}",
        "GET /integrations/{integration}/channel/files/{token}",
        "HEAD /integrations/{integration}/channel/files/{token}",
    ];
    assert_eq!(BTreeSet::from(expected.map(str::to_owned)), of_channels);
    for (method, path) in expected.map(|route| route.split_once(' ').unwrap()) {
        let integration = &paths[path][method.to_lowercase()]["x-amazon-apigateway-integration"];
        let uri = integration["uri"]["Fn::Sub"].as_str().unwrap();
        assert!(uri.contains("/${ChannelReceiver.Arn}/invocations"), "{method} {path}: {uri}");
    }
}

#[test]
fn the_access_log_is_one_json_line_per_request_without_bodies_headers_or_path_parameters() {
    let stage = stage(&Resources::by_default());
    let destination = &stage["AccessLogSettings"]["DestinationArn"];
    assert_eq!(json!({"Fn::GetAtt": ["ApiAccessLogs", "Arn"]}), *destination);
    let format = stage["AccessLogSettings"]["Format"].as_str().unwrap();
    assert!(!format.contains('\n'), "one line: {format}");
    let line: Value = serde_json::from_str(format).unwrap();
    for (name, value) in line.as_object().unwrap() {
        let variable = value.as_str().unwrap().strip_prefix("$context.").unwrap();
        assert!(LOGGED.contains(&variable), "{name}: {variable}");
    }
    for needed in ["requestId", "route", "status", "latencyMs", "integrationError"] {
        assert!(line.get(needed).is_some(), "{needed} is missing");
    }
    assert_eq!("$context.awsEndpointRequestId", line["lambdaRequestId"], "finds the function's log lines");
}

#[test]
fn with_a_domain_name_the_default_address_can_be_disabled() {
    let disabled = |conditions: &[&str]| {
        let resources = Resources::when(conditions);
        let body = &resources.properties("Api")["Body"];
        body["servers"][0]["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"].clone()
    };
    assert_eq!(false, disabled(&[]));
    assert_eq!(false, disabled(&["HasDomainName"]), "platforms and callers still have to move");
    assert_eq!(true, disabled(&["HasDomainName", "HasNoDefaultAddress"]));
    let resources = Resources::when(&["HasDomainName"]);
    let configuration = &resources.properties("ApiDomain")["DomainNameConfigurations"][0];
    assert_eq!("TLS_1_2", configuration["SecurityPolicy"]);
    assert!(resources.has("ApiDomainMapping"));
    assert!(!resources.has("ApiDomainAddress"), "without a hosted zone the operator manages the DNS record");
    assert!(Resources::when(&every_condition()).has("ApiDomainAddress"));
    assert!(!Resources::by_default().has("ApiDomain"));
}

#[test]
fn the_outputs_contain_the_address_that_is_served() {
    let output = |name: &str, conditions: &[&str]| evaluate(&template()["Outputs"][name]["Value"], conditions).unwrap();
    let own = "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}";
    let webhook = "/integrations/{integration}/webhook";
    assert_eq!(json!({"Fn::Sub": own}), output("ApiUrl", &[]));
    assert_eq!(json!({"Fn::Sub": format!("{own}{webhook}")}), output("WebhookUrl", &[]));
    let named = "https://${DomainName}";
    assert_eq!(json!({"Fn::Sub": named}), output("ApiUrl", &["HasDomainName"]));
    assert_eq!(json!({"Fn::Sub": format!("{named}{webhook}")}), output("WebhookUrl", &["HasDomainName"]));
    let outputs: BTreeSet<_> = template()["Outputs"].as_object().unwrap().keys().map(String::as_str).collect();
    let agreed = [
        "ApiUrl",
        "ConfigurationCacheSeconds",
        "ConversationEventDeadLetterQueueUrl",
        "ConversationEventQueueUrl",
        "DeadLetterQueueUrl",
        "DomainTarget",
        "LedgerTable",
        "MessageQueueUrl",
        "ParkingQueueUrl",
        "RetryQueueUrl",
        "SecretPrefix",
        "Version",
        "WebhookUrl",
    ];
    assert_eq!(BTreeSet::from(agreed), outputs);
}

/// `make deploy` and `make release` add the commit. The doctor compares it with its own.
#[test]
fn the_stack_tells_the_workspaces_version() {
    assert_eq!(env!("CARGO_PKG_VERSION"), template()["Outputs"]["Version"]["Value"]);
}
