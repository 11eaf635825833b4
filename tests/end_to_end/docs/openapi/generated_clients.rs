//! Clients that are generated from the document call every route, with every example and with an error.

use super::examples::{Account, assets, with_assets};
use axum::Router;
use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tests::harness::caller::BEARER_TOKEN;
use tests::harness::server::Server;
use tests::harness::stack::{Stack, WEBHOOK_SECRET};
use tests::simulators::messaging_service::MessagingService;
use tests::spec::documents;
use tests::spec::openapi::{Document, Operation, root};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use uuid::Uuid;

/// A request, and what the client has to make of the response.
struct Call {
    method: String,
    path: String,
    request: Value,
    status: u64,
    types: Vec<String>,
    /// Kept until the call is made.
    _account: Option<Account>,
}

impl Call {
    /// The example as a call of this account, which succeeds.
    async fn of_example(
        operation: &Operation<'_>,
        example: &str,
        body: &Value,
        service: &MessagingService,
        assets: &str,
    ) -> Self {
        let account = Account::new(operation, example, body, service, assets).await;
        let path = parameters(&operation.path, account.url());
        let body: Value = serde_json::from_str(&with_assets(body, assets)).unwrap();
        let mut responses = operation.responses().into_iter().filter(|(status, _)| status.starts_with('2'));
        let several = body.get("receipts").is_some();
        let (status, response) = responses.find(|(status, _)| !several || status == "207").unwrap();
        let schema = response.at("content").at("application/json").at("schema");
        Self { types: schema.type_names(), ..Self::new(operation, path, &body, status.parse().unwrap(), Some(account)) }
    }

    /// The same for an integration that does not exist.
    fn refused(operation: &Operation<'_>, body: &Value) -> Self {
        let words = ["integration", "conversationId", "communicationId"];
        let path = words.iter().filter(|word| operation.path.contains(&format!("{{{word}}}")));
        let path = path.map(|word| ((*word).to_owned(), json!("no-such-integration"))).collect();
        Self { types: vec!["Problem".to_owned()], ..Self::new(operation, Value::Object(path), body, 404, None) }
    }

    fn new(operation: &Operation<'_>, path: Value, body: &Value, status: u64, account: Option<Account>) -> Self {
        let request = json!({"operation": operation.id(), "path": path, "body": body});
        let (method, path) = (operation.method.clone(), operation.path.clone());
        Self { method, path, request, status, types: Vec::new(), _account: account }
    }

    /// In TypeScript, where the compiler compares the body with its type.
    fn in_typescript(&self) -> String {
        let mut options = format!("params: {{ path: {} }}", self.request["path"]);
        if !self.request["body"].is_null() {
            write!(options, ", body: {}", self.request["body"]).unwrap();
        }
        format!("  (client: Client) => client.{}({}, {{ {options} }}),\n", self.method, json!(self.path))
    }

    fn assert_made(&self, result: &Value, tells_types: bool) {
        assert_eq!(self.status, result["status"], "{}: {result}", self.request);
        assert_eq!(result["raw"], result["body"], "the client has no place for a member: {}", self.request);
        if tells_types || self.status >= 400 {
            let made = result["type"].as_str().unwrap_or_default();
            assert!(self.types.iter().any(|expected| expected == made), "{made} is none of {:?}: {result}", self.types);
        }
    }
}

/// The path's parameters in a URL.
fn parameters(path: &str, url: &str) -> Value {
    let (_, route) = url.split_once("/integrations/").unwrap();
    let values = std::iter::once("integrations").chain(route.split('/'));
    let names = path.trim_start_matches('/').split('/').zip(values);
    let parameters = names.filter_map(|(name, value)| {
        Some((name.strip_prefix('{')?.trim_end_matches('}').to_owned(), Value::from(value)))
    });
    Value::Object(parameters.collect())
}

/// Every example of every operation, and every operation with an error.
async fn calls(document: &Document, service: &MessagingService, assets: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    for operation in document.operations_of_platforms_and_callers() {
        let examples =
            if operation.has_body() { operation.body().examples() } else { vec![(String::new(), &Value::Null)] };
        calls.push(Call::refused(&operation, examples[0].1));
        // The clients sign webhooks as Genesys Cloud does.
        let is_signed = |name: &str| operation.id() != "receiveWebhook" || name.starts_with("genesysCloud");
        let examples = examples.iter().filter(|(name, _)| is_signed(name));
        let made = examples.map(|(name, body)| Call::of_example(&operation, name, body, service, assets));
        calls.extend(join_all(made).await);
    }
    calls
}

/// A folder for a client, in which Node finds its packages.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn create() -> Self {
        let folder = root().join(".venv/node").join(format!("client-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

/// The guide shows the command that a test runs.
fn assert_documented(command: &str) {
    let guide = documents::Document::read("docs/api.md");
    assert!(guide.text.contains(&format!("`{command}`")), "{command}");
}

/// Runs a program with this input. Returns its output and its errors.
async fn run(program: &Path, arguments: &[&str], input: &Value) -> (String, String) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).env_remove("http_proxy").kill_on_drop(true);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = piped.spawn().expect("the program is there: `make setup-tests` makes it");
    let mut stdin = process.stdin.take().unwrap();
    // A generator does not read it.
    let _ = stdin.write_all(input.to_string().as_bytes()).await;
    drop(stdin);
    let output = process.wait_with_output().await.unwrap();
    let (printed, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {}\n{printed}\n{errors}", program.display(), arguments.join(" "));
    (printed.into_owned(), errors.into_owned())
}

/// Makes the calls in Python with the client in `folder`.
async fn in_python(environment: &str, script: &str, folder: &Folder) {
    let (document, service, assets) = (Document::read(), MessagingService::start().await, assets());
    let calls = calls(&document, &service, &assets.origin).await;
    let requests: Value = calls.iter().map(|call| call.request.clone()).collect();
    let python = root().join(format!(".venv/{environment}/bin/python"));
    let script = root().join("tests/generated_clients").join(script);
    let call = async |url: &str, requests: &Value| -> Vec<Value> {
        let arguments = [script.to_str().unwrap(), &folder.path(""), url, BEARER_TOKEN, WEBHOOK_SECRET];
        serde_json::from_str(&run(&python, &arguments, requests).await.0).expect("JSON")
    };
    let results = call(&Stack::connect().await.api_url, &requests).await;
    assert_eq!(calls.len(), results.len());
    calls.iter().zip(&results).for_each(|(call, result)| call.assert_made(result, true));

    let throttled = throttled();
    let receipt = requests.as_array().unwrap().iter().find(|request| request["operation"] == "postReceipts");
    let results = call(&throttled.origin, &json!([receipt])).await;
    assert_eq!(("GatewayAnswer", 429), (results[0]["type"].as_str().unwrap(), results[0]["status"].as_u64().unwrap()));
}

/// API Gateway when there are too many requests at once.
fn throttled() -> Server {
    let answer = || async { (StatusCode::TOO_MANY_REQUESTS, axum::Json(json!({"message": "Too Many Requests"}))) };
    Server::start(Router::new().fallback(answer))
}

#[tokio::test]
async fn a_python_client_by_openapi_python_client_calls_every_route() {
    let folder = Folder::create();
    let generator = root().join(".venv/openapi/bin/openapi-python-client");
    let arguments = [
        "generate",
        "--path",
        "docs/openapi.yaml",
        "--meta",
        "none",
        "--fail-on-warning",
        "--config",
        "tests/generated_clients/openapi_python_client.yaml",
        "--output-path",
        &folder.path("client"),
    ];
    assert_documented(&format!("openapi-python-client {}", arguments[..3].join(" ")));
    run(&generator, &arguments, &Value::Null).await;
    in_python("openapi", "openapi_python_client.py", &folder).await;
}

#[tokio::test]
async fn a_python_client_by_openapi_generator_calls_every_route() {
    let generator = root().join(".venv/openapi-generator/bin/openapi-generator-cli");
    if !generator.exists() {
        println!("There is no Java for OpenAPI Generator: its client is not tested.");
        return;
    }
    let folder = Folder::create();
    let arguments =
        ["generate", "--generator-name", "python", "--input-spec", "docs/openapi.yaml", "--output", &folder.path("")];
    assert_documented(&format!("openapi-generator-cli {}", arguments[..5].join(" ")));
    let (printed, errors) = run(&generator, &arguments, &Value::Null).await;
    // It prints these two for every document of OpenAPI 3.1.
    let of_every_document = ["OpenAPI 3.1 support is still in beta", "Failed to get the schema name: null"];
    let warnings = printed.lines().chain(errors.lines()).filter(|line| line.contains("WARN") || line.contains("ERROR"));
    let warnings = warnings.filter(|line| !of_every_document.iter().any(|words| line.contains(words)));
    assert_eq!(Vec::<&str>::new(), warnings.collect::<Vec<_>>());
    in_python("openapi-generator", "openapi_generator.py", &folder).await;
}

#[tokio::test]
async fn a_typescript_client_by_openapi_typescript_calls_every_route() {
    let (document, service, assets) = (Document::read(), MessagingService::start().await, assets());
    let calls = calls(&document, &service, &assets.origin).await;
    let (folder, node) = (Folder::create(), root().join(".venv/bin/node"));
    let modules = root().join(".venv/node/node_modules");
    let program = |path: &str| modules.join(path).to_str().unwrap().to_owned();
    let arguments =
        [&program("openapi-typescript/bin/cli.js"), "docs/openapi.yaml", "--output", &folder.path("schema.ts")];
    assert_documented(&format!("npx openapi-typescript {} {} schema.ts", arguments[1], arguments[2]));
    let (printed, errors) = run(&node, &arguments, &Value::Null).await;
    assert!(!format!("{printed}{errors}").to_lowercase().contains("warn"), "{printed}\n{errors}");

    let url = Stack::connect().await.api_url;
    let source = format!(
        "import createClient from \"openapi-fetch\";\nimport type {{ paths }} from \"./schema.ts\";\n\
         export type Client = ReturnType<typeof createClient<paths>>;\n\
         export const [baseUrl, token, secret] = {} as const;\nexport const calls = [\n{}];\n",
        json!([url, BEARER_TOKEN, WEBHOOK_SECRET]),
        calls.iter().map(Call::in_typescript).collect::<String>()
    );
    std::fs::write(folder.path("calls.ts"), source).unwrap();
    let script = std::fs::read_to_string(root().join("tests/generated_clients/typescript.ts")).unwrap();
    std::fs::write(folder.path("main.ts"), script).unwrap();
    std::fs::write(folder.path("package.json"), r#"{"type": "module"}"#).unwrap();
    let (compiler, main) = (program("typescript/bin/tsc"), folder.path("main.ts"));
    let options = "--noEmit --strict --skipLibCheck --target es2022 --lib es2022,dom --module nodenext \
                   --allowImportingTsExtensions --erasableSyntaxOnly";
    let arguments: Vec<_> =
        [compiler.as_str()].into_iter().chain(options.split_whitespace()).chain([main.as_str()]).collect();
    run(&node, &arguments, &Value::Null).await;

    let results: Vec<Value> = serde_json::from_str(&run(&node, &[main.as_str()], &Value::Null).await.0).expect("JSON");
    assert_eq!(calls.len(), results.len());
    calls.iter().zip(&results).for_each(|(call, result)| call.assert_made(result, false));
}
