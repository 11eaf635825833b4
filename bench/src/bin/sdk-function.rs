//! The empty function with the AWS SDK: one secret read at start, one message sent per call.

use lambda_http::{Error, Request, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    secrets.get_secret_value().secret_id("bench/acme").send().await?;
    let queue = &aws_sdk_sqs::Client::new(&config);
    let queue_url = &std::env::var("QUEUE_URL")?;
    run(service_fn(async |_: Request| {
        queue.send_message().queue_url(queue_url).message_group_id("group").message_body("{}").send().await?;
        Ok::<_, Error>("{}")
    }))
    .await
}
