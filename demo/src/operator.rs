//! The operator's part: runs the doctor and prints the commands to operate the stack.

use crate::INTEGRATION;
use std::env;
use tests::harness::command::{CommandOutput, patchbay};
use tests::harness::stack::{SIGNING_SECRET, Stack};
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET, GenesysCloud};

/// What the command, or any AWS client, needs to find the stack, besides the API's URL.
const ENVIRONMENT: [&str; 6] = [
    "PATCHBAY_STACK",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION", // some clients know only this one
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
];

/// Prints the doctor's report. Returns whether it found no fault.
pub(crate) async fn show() -> bool {
    let CommandOutput { code, stdout, stderr } = patchbay(&["doctor", INTEGRATION]).await;
    println!("\nThe operator runs `patchbay doctor {INTEGRATION}`:\n\n{stdout}{stderr}");
    code == 0
}

/// Prints how to run the command against this stack, and how to connect a messaging service or a platform.
pub(crate) fn print_commands(stack: &Stack, platform: &GenesysCloud, delivery_url: &str) {
    println!("Operate it from another terminal, in this folder:\n");
    println!("  export API_URL='{}'", stack.api_url);
    for name in ENVIRONMENT {
        println!("  export {name}={}", env::var(name).unwrap_or_default());
    }
    println!(
        r#"  target/debug/patchbay integration list
  target/debug/patchbay doctor {INTEGRATION}
  target/debug/patchbay integration rotate {INTEGRATION} --secret webhook
  target/debug/patchbay integration add {INTEGRATION} --replace --delivery-url {delivery_url} --yes

Connect a messaging service of your own, here on port 9000, and send a message to it:

  export PATCHBAY_CLIENT_SECRET={CLIENT_SECRET} PATCHBAY_SIGNING_SECRET={SIGNING_SECRET}
  target/debug/patchbay integration add mine --platform genesys-cloud --domain {} --client-id {CLIENT_ID} \
    --delivery-url http://127.0.0.1:9000/messages --caller flows:bearer
  target/debug/patchbay webhook test mine --text 'Hello!' --wait

PATCHBAY_SIGNING_SECRET verifies the deliveries. The platform is the simulated one. For your own, pass its domain and its client; its
webhooks need an https address that leads to API_URL: pass that as --api-url.
"#,
        platform.url
    );
}
