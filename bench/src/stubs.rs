//! Stubs of AWS, the platform and the messaging service. They accept everything immediately.

use crate::http::{Request, Response, Server, Tls};
use crate::webhooks;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The event source of the conversation events.
pub const EVENT_SOURCE: &str = "aws.partner/genesys.com/cloud/bench/patchbay";
/// The token of the caller of the sender routes.
pub const BEARER_TOKEN: &str = "bearer-token-of-the-bench-0123456789";
/// The integration that sends its cards to users of the platform.
pub const PLATFORM_CARDS: &str = "acme-platform-cards";
/// The integration with a channel in place of a messaging service.
pub const CHANNEL: &str = "acme-channel";
/// What proves the channel's requests.
pub const CHANNEL_SECRET: &str = "webhook-secret-of-the-bench-0123456789";

/// One call that a function made.
#[derive(Debug, Clone)]
struct Call {
    host: &'static str,
    operation: String,
    /// The server, and the number of the connection to it.
    connection: (String, usize),
}

/// How many calls of each operation.
pub type Counts = BTreeMap<String, usize>;

type Calls = Arc<Mutex<Vec<Call>>>;

/// The running stubs, and the calls to them.
pub struct Stubs {
    calls: Calls,
    /// Each endpoint with its environment variable.
    aws: Vec<(&'static str, Server)>,
    _others: [Server; 2],
}

/// One endpoint for all of AWS, and one for each service, as there is one host for each in a region.
const AWS_ENDPOINTS: [(&str, &str); 4] = [
    ("AWS", "AWS_ENDPOINT_URL"),
    ("DynamoDB", "AWS_ENDPOINT_URL_DYNAMODB"),
    ("Secrets Manager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
    ("SQS", "AWS_ENDPOINT_URL_SQS"),
];

impl Stubs {
    /// Starts them. `tls` is for AWS and the messaging service; functions call a simulated platform with plain HTTP only.
    #[must_use]
    pub fn start(tls: Option<&Tls>) -> Self {
        let calls = Calls::default();
        let platform = server(&calls, None, |request| {
            let (operation, answer) = platform(request);
            ("platform", operation, answer)
        });
        let messaging_service =
            server(&calls, tls, |_| ("messaging service", "delivery".to_owned(), Response::new(200, "")));
        let configuration = configuration(&platform.origin(), &messaging_service.origin());
        let aws = AWS_ENDPOINTS.map(|(host, variable)| {
            let configuration = configuration.clone();
            let answer = move |request: &Request| match aws(request, &configuration) {
                Some((operation, answer)) => (host, operation, answer),
                // Functions open connections while they start.
                None => (host, "ping".to_owned(), Response::new(200, "healthy")),
            };
            (variable, server(&calls, tls, answer))
        });
        Self { calls, aws: aws.into(), _others: [platform, messaging_service] }
    }

    /// The environment variables with the endpoints.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.aws.iter().map(|(variable, server)| (*variable, server.origin()))
    }

    /// The number of calls so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The calls after the first `start` ones.
    #[must_use]
    pub fn counts_since(&self, start: usize) -> Counts {
        let mut counts = Counts::new();
        for call in self.lock().iter().skip(start) {
            *counts.entry(call.operation.clone()).or_default() += 1;
        }
        counts
    }

    /// How many connections to each host were used.
    #[must_use]
    pub fn connections(&self) -> Counts {
        let calls = self.lock();
        let used: BTreeSet<_> = calls.iter().map(|call| (call.host, &call.connection)).collect();
        let mut connections = Counts::new();
        for (host, _) in used {
            *connections.entry(host.to_owned()).or_default() += 1;
        }
        connections
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server that records each call.
fn server(
    calls: &Calls,
    tls: Option<&Tls>,
    answer: impl Fn(&Request) -> (&'static str, String, Response) + Send + Sync + 'static,
) -> Server {
    let calls = Arc::clone(calls);
    Server::start(tls.cloned(), move |request| {
        let (host, operation, response) = answer(request);
        let server = request.header("host").unwrap_or_default().to_owned();
        let call = Call { host, operation, connection: (server, request.connection) };
        calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        response
    })
}

/// The secret of an integration.
fn configuration(platform: &str, messaging_service: &str) -> Value {
    json!({
        "platform": "genesys-cloud",
        "domain": platform,
        "integrationId": webhooks::INTEGRATION_ID,
        "clientId": "client-of-the-bench",
        "clientSecret": "client-secret-of-the-bench",
        "webhookSecrets": [webhooks::SECRET],
        "cards": {"route": "messaging-service"},
        "delivery": {
            "url": format!("{messaging_service}/messages"),
            "signingSecrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        },
        "callers": [{"name": "bench", "bearerToken": BEARER_TOKEN}],
    })
}

/// Genesys Cloud: a token, or a response with the fields that its operations return.
fn platform(request: &Request) -> (String, Response) {
    let (operation, body) = if request.path == "/oauth/token" {
        ("token", json!({"access_token": "token-of-the-bench", "token_type": "bearer", "expires_in": 86_400}))
    } else {
        let id = "7e3f6f1e-6d7f-4b5c-8f2e-0f5f7e1f9b5a";
        let mut body = json!({"id": id, "conversationId": id, "timestamp": "2026-01-02T03:04:05.678Z"});
        if request.method == "GET" {
            // A conversation of the integration.
            let addresses = json!({"toAddress": {"addressNormalized": webhooks::INTEGRATION_ID}});
            body["participants"] = json!([{"purpose": "customer", "messages": [addresses]}]);
        }
        ("platform call", body)
    };
    (operation.to_owned(), Response::new(200, body.to_string()).header("content-type", "application/json"))
}

/// Secrets Manager, SQS and DynamoDB. The target header names the service and the operation.
fn aws(request: &Request, configuration: &Value) -> Option<(String, Response)> {
    let target = request.header("x-amz-target")?;
    let (service, operation) = target.rsplit_once('.')?;
    let input: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let output = match (service, operation) {
        ("secretsmanager", "GetSecretValue") => secret(&input, configuration),
        ("AmazonSQS", "SendMessage") => {
            json!({"MessageId": "e1", "MD5OfMessageBody": "00000000000000000000000000000000"})
        }
        ("DynamoDB_20120810", "UpdateItem") => update(&input),
        // No group has messages on the retry lane, and no circuit is open.
        ("DynamoDB_20120810", "BatchGetItem") => json!({"Responses": {}, "UnprocessedKeys": {}}),
        // Whose a conversation is.
        ("DynamoDB_20120810", "GetItem") => {
            json!({"Item": {"integration": {"S": "acme"}, "customer": {"S": "customer-17"}}})
        }
        _ => {
            let response = Response::new(400, format!(r#"{{"__type":"NoSuchOperation","message":"{target}"}}"#));
            return Some((operation.to_owned(), response));
        }
    };
    let content_type = request.header("content-type").unwrap_or_default();
    Some((operation.to_owned(), Response::new(200, output.to_string()).header("content-type", content_type)))
}

fn secret(input: &Value, configuration: &Value) -> Value {
    let name = input["SecretId"].as_str().unwrap_or_default();
    let mut configuration = configuration.clone();
    if name.ends_with(PLATFORM_CARDS) {
        configuration["cards"]["route"] = "open-messaging".into();
    }
    if let (true, Some(members)) = (name.ends_with(CHANNEL), configuration.as_object_mut()) {
        members.remove("cards");
        members.remove("delivery");
        let channel = json!({
            "kind": "telegram", "publicUrl": "https://patchbay.example.com", "botToken": "7100001:token-of-the-bench",
            "webhookSecrets": [CHANNEL_SECRET],
        });
        members.insert("channel".to_owned(), channel);
    }
    json!({
        "ARN": format!("arn:aws:secretsmanager:eu-central-1:000000000000:secret:{name}-abcdef"), "Name": name,
        "SecretString": configuration.to_string(), "VersionId": "5c4e5f0e-0f5a-4f3b-9a3e-4f6b1b0f7d11",
        "VersionStages": ["AWSCURRENT"], "CreatedDate": 1_767_323_045,
    })
}

/// DynamoDB's response to an update of an item that does not exist: the attributes that the expression sets, if requested.
fn update(input: &Value) -> Value {
    if input["ReturnValues"] != "ALL_NEW" {
        return json!({});
    }
    let expression = input["UpdateExpression"].as_str().unwrap_or_default();
    let set = expression.split(" REMOVE ").next().unwrap_or_default().trim_start_matches("SET ");
    let mut item = input["Key"].as_object().cloned().unwrap_or_default();
    for assignment in assignments(set) {
        let Some((name, value)) = assignment.split_once('=') else { continue };
        let name = name.trim();
        let name = input["ExpressionAttributeNames"][name].as_str().unwrap_or(name);
        item.insert(name.to_owned(), evaluated(value, input));
    }
    json!({ "Attributes": item })
}

/// Splits a list at its commas, except those in parentheses.
fn assignments(list: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let separates = |character: char| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    };
    list.split(separates).collect()
}

/// The value of `:value`, `if_not_exists(name, :value)` or a sum of them, for an item without attributes.
fn evaluated(expression: &str, input: &Value) -> Value {
    let terms: Vec<_> = expression
        .split('+')
        .map(|term| {
            let name = term.rsplit(',').next().unwrap_or_default().trim().trim_end_matches(')');
            input["ExpressionAttributeValues"][name].clone()
        })
        .collect();
    if let [one] = terms.as_slice() {
        return one.clone();
    }
    let number = |term: &Value| term["N"].as_str().and_then(|number| number.parse::<i64>().ok()).unwrap_or(0);
    json!({"N": terms.iter().map(number).sum::<i64>().to_string()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_returns_the_attributes_that_it_sets() {
        let input = json!({
            "ReturnValues": "ALL_NEW",
            "Key": {"key": {"S": "k"}},
            "UpdateExpression": "SET #s = :state, t = if_not_exists(t, :time), v = if_not_exists(v, :zero) + :one REMOVE x",
            "ExpressionAttributeNames": {"#s": "state"},
            "ExpressionAttributeValues": {
                ":state": {"S": "in-progress"}, ":time": {"N": "5"}, ":zero": {"N": "0"}, ":one": {"N": "1"},
            },
        });
        let expected = json!({"key": {"S": "k"}, "state": {"S": "in-progress"}, "t": {"N": "5"}, "v": {"N": "1"}});
        assert_eq!(json!({ "Attributes": expected }), update(&input));
    }
}
