//! What the operator does: has the doctor examine it all, and goes on with the command.

use crate::INTEGRATION;
use std::env;
use tests::harness::command::{Ran, patchbay};
use tests::harness::stack::Stack;

/// What the command, or any client of AWS, needs to find the stack, besides the API's address.
const ENVIRONMENT: [&str; 6] = [
    "PATCHBAY_STACK",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION", // some clients know only this one
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
];

/// Shows what the doctor says; says whether it found nothing wrong.
pub(crate) async fn show() -> bool {
    let Ran { code, stdout, stderr } = patchbay(&["doctor", INTEGRATION]).await;
    println!("\nThe operator asks `patchbay doctor {INTEGRATION}`:\n\n{stdout}{stderr}");
    code == 0
}

/// How to run the command against this stack.
pub(crate) fn print_environment(stack: &Stack) {
    println!("Operate it from another terminal:\n");
    // In the form that needs no name under localhost: Python and Node do not know those.
    println!("  export API_URL='{}'", stack.direct_api_url());
    for name in ENVIRONMENT {
        println!("  export {name}={}", env::var(name).unwrap_or_default());
    }
    println!("  target/debug/patchbay integration list\n");
}
