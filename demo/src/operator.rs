//! The operator's part: runs the doctor and shows how to use the command.

use crate::INTEGRATION;
use std::env;
use tests::harness::command::{CommandOutput, patchbay};
use tests::harness::stack::Stack;

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

/// Prints how to run the command against this stack.
pub(crate) fn print_environment(stack: &Stack) {
    println!("Operate it from another terminal:\n");
    // In the form that needs no name under localhost: Python and Node do not resolve those.
    println!("  export API_URL='{}'", stack.direct_api_url());
    for name in ENVIRONMENT {
        println!("  export {name}={}", env::var(name).unwrap_or_default());
    }
    println!("  target/debug/patchbay integration list\n");
}
