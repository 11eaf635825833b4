//! `patchbay doctor` names the permissions that a role lacks: of a function, of the platform, or of the command's own user.

use crate::cli::doctor_fixture::Fixture;
use aws_sdk_iam::Client as Iam;
use serde_json::json;
use tests::harness::aws_proxy::AwsProxy;
use tests::harness::caller::{BEARER_TOKEN, CALLER_SECRET};
use uuid::Uuid;

#[tokio::test]
async fn a_role_that_may_not_look_users_up_is_a_warning_where_cards_go_to_users() {
    let fixture = Fixture::new().await;
    fixture.platform.revoke_permission("directory:user:view");
    let report = fixture.run_doctor().await;
    assert_eq!("warning", report.check("users by email address")["verdict"], "{report}");
    report.assert_check("users by email address", "may not look users up", "directory:user:view");
    fixture.send_cards_to_customers().await;
    fixture.run_doctor().await.assert_skipped(&["users by email address"], "cards go to customers");
}

#[tokio::test]
async fn the_permissions_that_the_conversation_routes_need_are_named() {
    const VIEW: &str = "conversation:communication:view";
    const DISCONNECT: &str = "conversation:communication:disconnect";
    let fixture = Fixture::new().await;
    let lacks = async |expected: &str| {
        let report = fixture.run_doctor().await;
        assert_eq!(
            (0, "warning"),
            (report.ran.code, report.check("conversations")["verdict"].as_str().unwrap()),
            "{report}"
        );
        report.assert_check("conversations", &format!("role lacks {expected}"), "restrict the callers' routes");
        report.check("conversations")["seen"].as_str().unwrap().to_owned()
    };
    fixture.platform.revoke_permission(DISCONNECT);
    assert!(!lacks(DISCONNECT).await.contains(VIEW));
    fixture.platform.revoke_permission(VIEW);
    lacks(&format!("{VIEW} and {DISCONNECT}")).await;
    let callers = |routes: &[&str]| {
        json!([{"name": "crm", "signingSecret": CALLER_SECRET, "routes": routes},
            {"name": "flows", "bearerToken": BEARER_TOKEN, "routes": ["agentless"]}])
    };
    fixture.configure("/callers", callers(&["agent"])).await;
    assert!(!lacks(VIEW).await.contains(DISCONNECT), "no caller may end a conversation");
    fixture.configure("/callers", callers(&["receipts"])).await;
    fixture.run_doctor().await.assert_skipped(&["conversations"], "no caller may use the routes");
    assert!(fixture.platform.calls_of("end-conversation").is_empty());
}

/// A copy of a function's role for the doctor to check. Other tests need the function's real role.
struct Role {
    iam: Iam,
    original: String,
    name: String,
    document: String,
}

impl Role {
    const POLICY: &str = "copy";

    async fn of(function: &str) -> Self {
        let aws = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let stack = aws_sdk_cloudformation::Client::new(&aws).describe_stack_resources().stack_name("patchbay");
        let resources = stack.send().await.expect("the stack is there");
        let id = format!("{function}Role");
        let role = resources.stack_resources().iter().find(|one| one.logical_resource_id() == Some(id.as_str()));
        let original = role.and_then(|role| role.physical_resource_id()).expect("a role").to_owned();
        let iam = Iam::new(&aws);
        let policies = iam.list_role_policies().role_name(&original).send().await.expect("policies");
        let policy = policies.policy_names().first().expect("a policy").clone();
        let document = iam.get_role_policy().role_name(&original).policy_name(&policy).send().await.expect("a policy");
        let encoded = format!("document={}", document.policy_document());
        let (_, document) = url::form_urlencoded::parse(encoded.as_bytes()).next().expect("a document");
        let document = document.into_owned();
        let name = format!("copy-{}", Uuid::new_v4());
        let trusted = json!({"Version": "2012-10-17", "Statement": []}).to_string();
        let found = iam.get_role().role_name(&original).send().await.expect("the role");
        let path = found.role().expect("a role").path();
        let create = iam.create_role().role_name(&name).path(path).assume_role_policy_document(trusted);
        create.send().await.expect("a role");
        Self { iam, original, name, document }
    }

    async fn put(&self, document: &str) {
        let put = self.iam.put_role_policy().role_name(&self.name).policy_name(Self::POLICY);
        put.policy_document(document).send().await.expect("the policy is written");
    }

    fn without(&self, action: &str) -> String {
        assert!(self.document.contains(&format!("\"{action}\"")), "{}", self.document);
        self.document.replace(&format!("\"{action}\""), "\"dynamodb:ListTables\"")
    }
}

#[tokio::test]
async fn an_action_that_a_functions_role_does_not_allow_is_named_with_its_resource() {
    let fixture = Fixture::new().await;
    let (role, proxy) = (Role::of("MessageDispatcher").await, AwsProxy::start().await);
    proxy.rewrite("ListStackResources", &role.original, &role.name);
    let command = || fixture.command().env("AWS_ENDPOINT_URL", &proxy.url);
    role.put(&role.without("dynamodb:UpdateItem")).await;
    let report = fixture.run_doctor_with(command()).await;
    let seen = "MessageDispatcher lacks dynamodb:UpdateItem on arn:aws:dynamodb:eu-central-1:";
    report.assert_only_fault("MessageDispatcher's permissions", seen, &role.name);
    report.assert_check("MessageDispatcher's permissions", &fixture.stack.ledger_table, "make deploy");
    role.put(&role.document).await;
    assert_eq!(0, fixture.run_doctor_with(command()).await.ran.code);
}

#[tokio::test]
async fn a_kms_key_that_the_functions_roles_do_not_allow_is_named() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    let (key, parameter) = ("arn:aws:kms:eu-central-1:000000000000:key/own", "<ParameterKey>KmsKeyArn</ParameterKey>");
    let value = |arn: &str| format!("{parameter}<ParameterValue>{arn}</ParameterValue>");
    proxy.rewrite("DescribeStacks", &value(""), &value(key));
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    // This stack has no KMS key, and neither do its roles allow one.
    assert_eq!(9, report.names("fault").len(), "{report}");
    for (function, actions) in [
        ("WebhookReceiver", &["kms:Decrypt", "kms:GenerateDataKey"][..]),
        ("ChannelReceiver", &["kms:Decrypt", "kms:GenerateDataKey"]),
        ("MessageDispatcher", &["kms:Decrypt", "kms:GenerateDataKey"]),
        ("AgentlessSender", &["kms:Decrypt", "kms:GenerateDataKey"]),
        ("AgentSender", &["kms:Decrypt"]),
    ] {
        let lacks: Vec<_> = actions.iter().map(|action| format!("{action} on {key}")).collect();
        let seen = format!("{function} lacks {}", lacks.join(", "));
        assert_eq!(seen, report.check(&format!("{function}'s permissions"))["seen"].as_str().unwrap());
    }
}

#[tokio::test]
async fn what_the_commands_own_user_may_not_do_is_named() {
    let fixture = Fixture::new().await;
    let proxy = AwsProxy::start().await;
    proxy.deny("DescribeTimeToLive");
    proxy.deny("SimulatePrincipalPolicy");
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    let lacks = "lacks dynamodb:DescribeTimeToLive, iam:SimulatePrincipalPolicy";
    report.assert_only_fault("own permissions", lacks, "dynamodb:DescribeTimeToLive");
    report.assert_skipped(&["ledger"], "lacks dynamodb:DescribeTimeToLive");
    report.assert_skipped(&["CardSender's permissions"], "lacks iam:SimulatePrincipalPolicy");
    proxy.deny("DescribeStacks");
    let report = fixture.run_doctor_with(fixture.command().env("AWS_ENDPOINT_URL", &proxy.url)).await;
    report.assert_only_fault("own permissions", "lacks cloudformation:DescribeStacks", "cloudformation:DescribeStacks");
    report.assert_skipped(&["stack"], "lacks cloudformation:DescribeStacks");
}
