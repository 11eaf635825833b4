//! The operator's part: runs the doctor and prints the commands to operate the stack.

use crate::{INTEGRATION, address};
use std::{env, fs, io};
use tests::harness::command::{CommandOutput, patchbay};
use tests::harness::lambda_host::binary;
use tests::harness::stack::{SIGNING_SECRET, Stack};
use tests::simulators::genesys_cloud::api::{CLIENT_ID, CLIENT_SECRET, GenesysCloud};
use tests::spec::openapi::root;

/// In the folder of the source: of the stack that was started last. Tests name another one in the variable
/// `ENVIRONMENT_FILE`.
const ENVIRONMENT_FILE: &str = "target/local/environment.sh";
/// A customer of the reader's messaging service.
const OWN_CUSTOMER: &str = "ben";

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
pub(crate) fn print_commands(stack: &Stack, platform: &GenesysCloud, delivery_url: &str, desk: &str) -> io::Result<()> {
    let file = env::var("ENVIRONMENT_FILE").unwrap_or_else(|_| ENVIRONMENT_FILE.to_owned());
    write_environment(stack, &file)?;
    println!(
        r#"Operate it from another terminal, in this folder. The first command sets the stack's addresses, and the path to the CLI:

  . {file}
  patchbay integration list
  patchbay doctor {INTEGRATION}
  patchbay integration rotate {INTEGRATION} --secret webhook

Connect a messaging service of your own, which listens on port 9000, and send a message to it:

  export PATCHBAY_CLIENT_SECRET={CLIENT_SECRET} PATCHBAY_SIGNING_SECRET={SIGNING_SECRET}
  patchbay integration add mine --platform genesys-cloud --domain {} --client-id {CLIENT_ID} \
    --delivery-url http://127.0.0.1:9000/messages --cards-route messaging-service --caller flows:bearer
  patchbay webhook test mine --text 'Hello!' --wait

Write as a customer, and answer as the agent at {}:

  patchbay send inbound message mine --from {OWN_CUSTOMER} --text 'Is anybody there?' --caller flows

PATCHBAY_SIGNING_SECRET verifies the deliveries. The platform is the simulated one. For your own, pass its domain and its client; its
webhooks need an https address that leads to API_URL: pass that as --api-url.

Deliver the messages of {INTEGRATION} to the sample service, if you have sent them elsewhere:

  patchbay integration add {INTEGRATION} --replace --delivery-url {delivery_url} --yes
"#,
        platform.url,
        address(desk, OWN_CUSTOMER),
    );
    Ok(())
}

/// Writes what a shell needs to use the CLI on this stack.
fn write_environment(stack: &Stack, file: &str) -> io::Result<()> {
    let variables = ENVIRONMENT.map(|name| (name, env::var(name).unwrap_or_default()));
    let api_url = [("API_URL", stack.api_url.clone())];
    let exports = api_url.into_iter().chain(variables).map(|(name, value)| format!("export {name}='{value}'\n"));
    let folder = binary("patchbay").parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let path = format!("export PATH='{folder}':\"$PATH\"\n");
    fs::write(root().join(file), exports.chain([path]).collect::<String>())
}
