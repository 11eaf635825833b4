//! Reads docs/openapi.yaml and validates against its schemas.

use axum::http::HeaderMap;
use jsonschema::Registry;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The base URI of the document: references within it are relative to this.
const HOME: &str = "https://patchbay.example/docs/openapi.yaml";

/// Headers that Patchbay sets. The document must declare each of them for every response that has it.
const OUR_HEADERS: [&str; 4] = [REQUEST_ID, "retry-after", "idempotency-replayed", "www-authenticate"];
/// Every response of a function has it.
const REQUEST_ID: &str = "x-request-id";

/// The project's root folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project").to_owned()
}

/// Runs a Python program of the project's environment and parses its output as JSON.
#[must_use]
pub fn printed_by_python(arguments: &[&str]) -> Value {
    let output = Command::new(root().join(".venv/bin/python")).args(arguments).current_dir(root()).output();
    let output = output.expect("the environment is there: `make setup` makes it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

pub struct Document {
    content: Value,
    registry: Registry<'static>,
}

/// A place in the document.
#[derive(Clone)]
pub struct Node<'d> {
    document: &'d Document,
    pointer: String,
}

/// One method of one path.
pub struct Operation<'d> {
    /// The path, with its parameters in braces.
    pub path: String,
    pub method: String,
    node: Node<'d>,
}

/// A response to a request.
#[derive(Debug)]
pub struct Received {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Document {
    #[must_use]
    pub fn read() -> Self {
        const PROGRAM: &str = "\
            import json, sys, yaml; \
            loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader); \
            json.dump(yaml.load(open(sys.argv[1]), loader), sys.stdout)";
        let content = printed_by_python(&["-c", PROGRAM, "docs/openapi.yaml"]);
        let registry = Registry::new().add(HOME, content.clone());
        let registry = registry.and_then(jsonschema::RegistryBuilder::prepare).expect("references that resolve");
        Self { content, registry }
    }

    #[must_use]
    pub fn root(&self) -> Node<'_> {
        Node { document: self, pointer: String::new() }
    }

    /// A schema by its name.
    #[must_use]
    pub fn schema(&self, name: &str) -> Node<'_> {
        self.root().at("components").at("schemas").at(name)
    }

    #[must_use]
    pub fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, item) in self.root().at("paths").members() {
            for (method, node) in item.members().into_iter().filter(|(name, _)| name != "parameters") {
                operations.push(Operation { path: path.clone(), method: method.to_uppercase(), node });
            }
        }
        operations
    }

    /// Those of platforms and callers. What the provider of a channel posts, and how, is in the tests of channels.
    #[must_use]
    pub fn operations_of_platforms_and_callers(&self) -> Vec<Operation<'_>> {
        self.operations().into_iter().filter(|operation| !operation.is_of_a_channel()).collect()
    }
}

impl<'d> Node<'d> {
    #[must_use]
    pub fn value(&self) -> &'d Value {
        self.document.content.pointer(&self.pointer).unwrap_or(&Value::Null)
    }

    /// A member, if there is one. A reference is resolved.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Self> {
        let name = name.replace('~', "~0").replace('/', "~1");
        let mut found = Self { document: self.document, pointer: format!("{}/{name}", self.pointer) };
        while let Some(reference) =
            found.value().get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'))
        {
            found.pointer = reference.to_owned();
        }
        (!found.value().is_null()).then_some(found)
    }

    /// A member that must exist.
    #[must_use]
    pub fn at(&self, name: &str) -> Self {
        self.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.pointer))
    }

    #[must_use]
    pub fn members(&self) -> Vec<(String, Self)> {
        let names = self.value().as_object().into_iter().flat_map(|members| members.keys());
        names.map(|name| (name.clone(), self.at(name))).collect()
    }

    /// The violations of `instance` against the schema here.
    #[must_use]
    pub fn faults(&self, instance: &Value) -> Vec<String> {
        let pointer = self.pointer.replace('%', "%25").replace('{', "%7B").replace('}', "%7D");
        let schema = json!({"$ref": format!("{HOME}#{pointer}")});
        let options = jsonschema::options().should_validate_formats(true).with_registry(&self.document.registry);
        let validator = options.build(&schema).unwrap_or_else(|error| panic!("{}: {error}", self.pointer));
        validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// The violations of a header's value, which is a text whatever its schema is.
    fn faults_of_header(&self, value: &str) -> Vec<String> {
        let schema = self.at("schema");
        let is_number = schema.value().get("type").is_some_and(|kind| kind == "integer");
        let number = value.parse::<u64>().ok().filter(|_| is_number);
        schema.faults(&number.map_or_else(|| Value::from(value), Value::from))
    }

    /// The name of the schema here, or of each schema of a union.
    #[must_use]
    pub fn type_names(&self) -> Vec<String> {
        let schemas = self.value().get("oneOf").and_then(Value::as_array);
        let names = schemas.into_iter().flatten().map(|one| one["$ref"].as_str().expect("a schema by name"));
        let names = if schemas.is_some() { names.collect() } else { vec![self.pointer.as_str()] };
        names.into_iter().filter_map(|place| place.rsplit('/').next()).map(str::to_owned).collect()
    }

    /// The problems that a response's content can be.
    #[must_use]
    pub fn problem_types(&self) -> Vec<&'d str> {
        let listed = self.get("x-problem-types").and_then(|types| types.value().as_array());
        listed.into_iter().flatten().map(|name| name.as_str().expect("a name")).collect()
    }

    /// The named examples here, with their schema.
    #[must_use]
    pub fn examples(&self) -> Vec<(String, &'d Value)> {
        let named = self.get("examples").map(|examples| examples.members()).unwrap_or_default();
        named.into_iter().map(|(name, example)| (name, example.at("value").value())).collect()
    }
}

impl<'d> Operation<'d> {
    #[must_use]
    pub fn node(&self) -> &Node<'d> {
        &self.node
    }

    #[must_use]
    pub fn id(&self) -> &'d str {
        self.node.at("operationId").value().as_str().expect("a name")
    }

    /// The path after the integration's name.
    #[must_use]
    pub fn route(&self) -> &str {
        self.path.strip_prefix("/integrations/{integration}/").expect("all paths are under an integration")
    }

    #[must_use]
    pub fn is_of_a_channel(&self) -> bool {
        self.node.at("tags").value() == &json!(["Channels"])
    }

    /// Whether a request has a body.
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.node.get("requestBody").is_some()
    }

    /// A request's body, of the first media type.
    #[must_use]
    pub fn body(&self) -> Node<'d> {
        let content = self.node.at("requestBody").at("content").members();
        content.into_iter().next().map(|(_, body)| body).expect("a media type")
    }

    /// The responses by status.
    #[must_use]
    pub fn responses(&self) -> Vec<(String, Node<'d>)> {
        self.node.at("responses").members()
    }

    /// The differences between a response and its declaration in the document.
    #[must_use]
    pub fn differences(&self, received: &Received) -> Vec<String> {
        let responses = self.node.at("responses");
        let status = received.status.to_string();
        let Some(response) = responses.get(&status).or_else(|| responses.get(&format!("{}XX", received.status / 100)))
        else {
            return vec![format!("the status {status} is not in the document")];
        };
        let mut differences = Vec::new();
        match response.get("content").and_then(|content| content.get(received.content_type())) {
            Some(_) if !received.is_from_a_function() => {
                differences.extend(self.node.document.schema("GatewayAnswer").faults(&received.body));
            }
            Some(content) => {
                differences.extend(content.at("schema").faults(&received.body));
                differences.extend(received.unlisted_problem(&content));
            }
            None => differences.push(format!("{status} has no content {}", received.content_type())),
        }
        let documented = response.get("headers").map(|headers| headers.members()).unwrap_or_default();
        for name in OUR_HEADERS {
            let Some(value) = received.headers.get(name).map(|value| value.to_str().expect("a text")) else { continue };
            match documented.iter().find(|(documented, _)| documented.eq_ignore_ascii_case(name)) {
                Some((_, header)) => differences.extend(header.faults_of_header(value)),
                None => differences.push(format!("{status} has no header {name}")),
            }
        }
        if received.is_from_a_function() && !received.headers.contains_key(REQUEST_ID) {
            differences.push(format!("a {status} came without {REQUEST_ID}"));
        }
        differences
    }
}

impl Received {
    /// Reads a response. Panics if its body is not JSON.
    pub async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a body");
        let body = serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{status} with a body that is not JSON"));
        Self { status, headers, body }
    }

    /// Whether a function has responded. API Gateway's own errors are plain JSON.
    #[must_use]
    pub fn is_from_a_function(&self) -> bool {
        self.status < 400 || self.content_type() == "application/problem+json"
    }

    /// A problem that the response's content does not list, or that has another status.
    fn unlisted_problem(&self, content: &Node<'_>) -> Option<String> {
        let problem_type = self.body.get("type")?.as_str()?.strip_prefix("urn:patchbay:problem:")?;
        let is_listed = content.problem_types().contains(&problem_type) && self.body["status"] == self.status;
        (!is_listed).then(|| format!("{problem_type} is not a problem of {}: {}", self.status, self.body["status"]))
    }

    #[must_use]
    pub fn content_type(&self) -> &str {
        self.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
