//! The API: throttled, logged without what people say, and under its own name where it has one.

use crate::document::{Resources, decided, template};
use crate::permissions::every_condition;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a line of the access log may tell: of the request its route and where it came from, and else only of the answer.
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
fn every_route_is_throttled_and_the_webhooks_apart_from_the_callers() {
    let stage = stage(&Resources::by_default());
    let limits =
        |rate: &str, burst: &str| json!({"ThrottlingRateLimit": {"Ref": rate}, "ThrottlingBurstLimit": {"Ref": burst}});
    assert_eq!(stage["DefaultRouteSettings"], limits("CallerRate", "CallerBurst"), "any route that is not named");
    let named = stage["RouteSettings"].as_object().unwrap();
    for (route, settings) in named {
        assert!(routes().contains(route), "API Gateway takes no settings of a route that is not there: {route}");
        assert_eq!(*settings, limits("WebhookRate", "WebhookBurst"), "{route}");
    }
    let webhooks: Vec<_> = routes().into_iter().filter(|route| route.ends_with("/webhook")).collect();
    assert_eq!(named.keys().cloned().collect::<Vec<_>>(), webhooks);
    for parameter in ["CallerRate", "CallerBurst", "WebhookRate", "WebhookBurst"] {
        assert_eq!(template()["Parameters"][parameter]["MinValue"], 1, "{parameter}: 0 would shut the API");
    }
}

#[test]
fn the_access_log_is_one_json_line_a_request_without_bodies_headers_and_path_parameters() {
    let stage = stage(&Resources::by_default());
    let destination = &stage["AccessLogSettings"]["DestinationArn"];
    assert_eq!(*destination, json!({"Fn::GetAtt": ["ApiAccessLogs", "Arn"]}));
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
    assert_eq!(line["lambdaRequestId"], "$context.awsEndpointRequestId", "by it the function's lines are found");
}

#[test]
fn with_a_domain_name_the_api_answers_under_it_and_where_that_is_said_under_no_other() {
    let disabled = |conditions: &[&str]| {
        let resources = Resources::when(conditions);
        let body = &resources.properties("Api")["Body"];
        body["servers"][0]["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"].clone()
    };
    assert_eq!(disabled(&[]), false);
    assert_eq!(disabled(&["HasDomainName"]), false, "platforms and callers have yet to move");
    assert_eq!(disabled(&["HasDomainName", "HasNoDefaultAddress"]), true);
    let resources = Resources::when(&["HasDomainName"]);
    let configuration = &resources.properties("ApiDomain")["DomainNameConfigurations"][0];
    assert_eq!(configuration["SecurityPolicy"], "TLS_1_2");
    assert!(resources.has("ApiDomainMapping"));
    assert!(!resources.has("ApiDomainAddress"), "without a zone somebody else points the name at the API");
    assert!(Resources::when(&every_condition()).has("ApiDomainAddress"));
    assert!(!Resources::by_default().has("ApiDomain"));
}

#[test]
fn the_outputs_tell_the_address_that_answers() {
    let output = |name: &str, conditions: &[&str]| decided(&template()["Outputs"][name]["Value"], conditions).unwrap();
    let own = "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}";
    let webhook = "/integrations/{integration}/webhook";
    assert_eq!(output("ApiUrl", &[]), json!({"Fn::Sub": own}));
    assert_eq!(output("WebhookUrl", &[]), json!({"Fn::Sub": format!("{own}{webhook}")}));
    let named = "https://${DomainName}";
    assert_eq!(output("ApiUrl", &["HasDomainName"]), json!({"Fn::Sub": named}));
    assert_eq!(output("WebhookUrl", &["HasDomainName"]), json!({"Fn::Sub": format!("{named}{webhook}")}));
    let outputs: BTreeSet<_> = template()["Outputs"].as_object().unwrap().keys().map(String::as_str).collect();
    let agreed = [
        "ApiUrl",
        "ConfigurationCacheSeconds",
        "DeadLetterQueueUrl",
        "LedgerTable",
        "MessageQueueUrl",
        "ParkingQueueUrl",
        "SecretPrefix",
        "WebhookUrl",
    ];
    assert_eq!(outputs, BTreeSet::from(agreed));
}
