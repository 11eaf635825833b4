//! The credentials and the region with which `patchbay` calls AWS, and its errors when there are none.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::command::{Command, CommandOutput};
use tests::harness::server::Server;
use uuid::Uuid;

/// Part of every secret of the profiles.
const SECRET: &str = "secret-of-a-profile";

const CONFIG: &str = "\
[profile staging]
region = eu-west-3

[profile anywhere]

[profile role]
role_arn = arn:aws:iam::000000000000:role/operator
source_profile = staging
region = eu-west-2

[profile single-sign-on]
sso_start_url = https://example.com/start
sso_region = eu-central-1
sso_account_id = 000000000000
sso_role_name = operator
region = eu-west-1

[profile process]
credential_process = echo '{\"Version\": 1, \"AccessKeyId\": \"PROCESSKEY\", \"SecretAccessKey\": \"secret-of-a-profile\"}'

[profile empty]
region = eu-west-3
";

const CREDENTIALS: &str = "\
[staging]
aws_access_key_id = STAGINGKEY
aws_secret_access_key = secret-of-a-profile

[anywhere]
aws_access_key_id = ANYWHEREKEY
aws_secret_access_key = secret-of-a-profile
";

/// The file name of the cached token for `https://example.com/start`: its SHA-1.
const SSO_TOKEN: &str = "b343494cf15ba6b81449840ea93161cf3b27e5e3.json";

/// An operator's home, and an AWS that issues credentials and denies every look at a stack.
struct Account {
    home: PathBuf,
    aws: Server,
    /// The signing header of each request for the stack.
    signed: Arc<Mutex<Vec<String>>>,
}

impl Account {
    fn new() -> Self {
        Self::refusing_with("AccessDenied")
    }

    fn refusing_with(code: &'static str) -> Self {
        let home = PathBuf::from(format!("{}/home-{}", env!("CARGO_TARGET_TMPDIR"), Uuid::new_v4()));
        std::fs::create_dir_all(home.join(".aws/sso/cache")).unwrap();
        std::fs::write(home.join(".aws/config"), CONFIG).unwrap();
        std::fs::write(home.join(".aws/credentials"), CREDENTIALS).unwrap();
        let token = json!({
            "accessToken": SECRET, "expiresAt": "2099-01-02T03:04:05Z", "region": "eu-central-1",
            "startUrl": "https://example.com/start",
        });
        std::fs::write(home.join(".aws/sso/cache").join(SSO_TOKEN), token.to_string()).unwrap();
        let signed = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&signed);
        let answer =
            move |uri: Uri, headers: HeaderMap, body: Bytes| async move { answer(code, &seen, &uri, &headers, &body) };
        Self { home, aws: Server::start(Router::new().fallback(answer)), signed }
    }

    /// The command in an environment with its own keys.
    fn command(&self, arguments: &[&str]) -> Command {
        let aws = self.home.join(".aws");
        let command = Command::new(arguments)
            .env("HOME", self.home.to_str().unwrap())
            .env("AWS_CONFIG_FILE", aws.join("config").to_str().unwrap())
            .env("AWS_SHARED_CREDENTIALS_FILE", aws.join("credentials").to_str().unwrap())
            .env("AWS_ACCESS_KEY_ID", "ENVIRONMENTKEY")
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_REGION", "eu-north-1");
        ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SSO"]
            .iter()
            .fold(command, |command, name| command.env(name, &self.aws.origin))
    }

    /// Looks for the stack with these options. Returns the access key and the region of the signature.
    async fn signs(&self, options: &[&str]) -> (String, String) {
        let ran = self.command(&["integration", "list"]).with(options).run().await.exited_with(1);
        assert!(ran.stderr.contains("this command's user lacks cloudformation:DescribeStacks: allow "), "{ran:#?}");
        assert!(!ran.all_output().contains(SECRET), "{ran:#?}");
        let signed = std::mem::take(&mut *self.signed.lock().unwrap());
        let [header] = signed.as_slice() else { panic!("{signed:?}") };
        // AWS4-HMAC-SHA256 Credential=KEY/20260102/eu-central-1/cloudformation/aws4_request, SignedHeaders=…
        let scope: Vec<_> = header.split("Credential=").nth(1).unwrap().split('/').collect();
        (scope[0].to_owned(), scope[2].to_owned())
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn answer(code: &str, signed: &Mutex<Vec<String>>, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
    if uri.path() == "/federation/credentials" {
        let credentials = json!({
            "accessKeyId": "SSOKEY", "secretAccessKey": SECRET, "sessionToken": "t", "expiration": 4_070_908_800_000_u64,
        });
        return axum::Json(json!({ "roleCredentials": credentials })).into_response();
    }
    let header = headers["authorization"].to_str().unwrap();
    if String::from_utf8_lossy(body).contains("Action=AssumeRole") {
        assert!(header.contains("Credential=STAGINGKEY/"), "{header}");
        let credentials = format!(
            "<AccessKeyId>ROLEKEY</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
             <SessionToken>t</SessionToken><Expiration>2099-01-02T03:04:05Z</Expiration>"
        );
        let user = "<AssumedRoleId>i</AssumedRoleId><Arn>arn:aws:sts::000000000000:assumed-role/operator/s</Arn>";
        let result = format!("<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>");
        let body = format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleResult>{result}</AssumeRoleResult></AssumeRoleResponse>"
        );
        return ([("content-type", "text/xml")], body).into_response();
    }
    signed.lock().unwrap().push(header.to_owned());
    let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>No.</Message></Error>");
    let body = format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>");
    (StatusCode::FORBIDDEN, [("content-type", "text/xml")], body).into_response()
}

#[tokio::test]
async fn a_named_profile_takes_precedence_over_keys_and_region_of_the_environment() {
    let account = Account::new();
    for (options, key, region) in [
        (&[][..], "ENVIRONMENTKEY", "eu-north-1"),
        (&["--region", "us-east-1"], "ENVIRONMENTKEY", "us-east-1"),
        (&["--profile", "staging"], "STAGINGKEY", "eu-west-3"),
        (&["--profile", "staging", "--region", "us-east-1"], "STAGINGKEY", "us-east-1"),
        (&["--profile", "anywhere"], "ANYWHEREKEY", "eu-north-1"),
    ] {
        assert_eq!((key.to_owned(), region.to_owned()), account.signs(options).await, "{options:?}");
    }
}

#[tokio::test]
async fn a_profile_may_assume_a_role_use_single_sign_on_or_run_a_program() {
    let account = Account::new();
    for (profile, key, region) in [
        ("role", "ROLEKEY", "eu-west-2"),
        ("single-sign-on", "SSOKEY", "eu-west-1"),
        ("process", "PROCESSKEY", "eu-north-1"),
    ] {
        assert_eq!((key.to_owned(), region.to_owned()), account.signs(&["--profile", profile]).await, "{profile}");
    }
}

#[tokio::test]
async fn a_missing_profile_is_named_and_no_other_credentials_are_used() {
    let account = Account::new();
    for arguments in [&["integration", "list"][..], &["doctor"], &["integration", "remove", "acme", "--yes"]] {
        let ran = account.command(arguments).with(&["--profile", "nosuch"]).run().await.exited_with(2);
        assert!(
            ran.stderr.contains("there is no AWS profile `nosuch`: choose one of `anywhere`, `empty`, "),
            "{ran:#?}"
        );
        assert!(ran.stdout.is_empty(), "{ran:#?}");
    }
    let ran = account.command(&["integration", "list", "--profile", "empty"]).run().await.exited_with(1);
    assert!(ran.stderr.contains("no AWS credentials ("), "{ran:#?}");
    assert!(account.signed.lock().unwrap().is_empty());
}

/// Both ways to find the stack: by its outputs and by its resources.
async fn list_and_show(change: impl Fn(Command) -> Command) -> [CommandOutput; 2] {
    let id = Uuid::new_v4().to_string();
    let list = change(Command::new(&["integration", "list"])).run().await.exited_with(1);
    [list, change(Command::new(&["messages", "show", &id])).run().await.exited_with(1)]
}

#[tokio::test]
async fn an_unreadable_stack_is_reported_with_its_cause_and_advice() {
    for ran in list_and_show(|command| command.with(&["--stack", "nosuch"])).await {
        let said =
            "there is no stack `nosuch` in eu-central-1: deploy it (`make deploy`), or choose another with --stack";
        assert!(ran.stderr.contains(said), "{ran:#?}");
    }
    for ran in list_and_show(|command| command.env("AWS_REGION", "").env("AWS_DEFAULT_REGION", "")).await {
        assert!(ran.stderr.contains("no AWS region is set: set it with --region"), "{ran:#?}");
    }
    let no_credentials = |command: Command| command.env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
    for ran in list_and_show(no_credentials).await {
        assert!(
            ran.stderr.contains("no AWS credentials (") && ran.stderr.contains("): sign in (`aws sso login`"),
            "{ran:#?}"
        );
        assert_eq!(1, ran.stderr.lines().count(), "not all searched places: {ran:#?}");
    }
    for ran in list_and_show(|command| command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")).await {
        assert!(
            ran.stderr.contains("AWS cannot be reached (") && ran.stderr.contains("): check this machine"),
            "{ran:#?}"
        );
    }
    let account = Account::refusing_with("InvalidClientTokenId");
    for ran in list_and_show(|command| command.env("AWS_ENDPOINT_URL", &account.aws.origin)).await {
        assert!(
            ran.stderr.contains("AWS refuses the credentials (InvalidClientTokenId): sign in again (`aws "),
            "{ran:#?}"
        );
    }
    let proxy = AwsProxy::start().await;
    proxy.deny("ListStackResources");
    proxy.deny("DescribeStacks");
    let [list, show] = list_and_show(|command| command.env("AWS_ENDPOINT_URL", &proxy.url)).await;
    for (ran, action) in [(list, "cloudformation:DescribeStacks"), (show, "cloudformation:ListStackResources")] {
        assert!(ran.stderr.contains(&format!("user lacks {action}: allow ")), "{ran:#?}");
    }
}
