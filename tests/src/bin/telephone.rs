//! A customer's telephone in the terminal, behind the simulated SMS gateway of `examples/sms-gateway`. It prints each SMS
//! and reports it as delivered; each line that is typed is the customer's reply.
//!
//! The gateway listens on `PORT`, by default 9100, and posts to `SERVICE_URL`, by default `http://127.0.0.1:9000`.

#![allow(clippy::print_stdout)]

use std::env::var;
use std::error::Error;
use tests::simulators::sms_gateway::{Sms, SmsGateway};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use uuid::Uuid;

const CUSTOMER: &str = "+4915112345678";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = var("PORT").unwrap_or_else(|_| "9100".to_owned());
    let service = var("SERVICE_URL").unwrap_or_else(|_| "http://127.0.0.1:9000".to_owned());
    let gateway = SmsGateway::on(TcpListener::bind(format!("127.0.0.1:{port}")).await?);
    println!("The telephone has the number {CUSTOMER}. Each line that you type is an SMS to the company.");
    let (mut sent, mut shown) = (gateway.subscribe(), 0);
    let mut typed = typed();
    loop {
        tokio::select! {
            _ = sent.changed() => {
                let new: Vec<_> = sent.borrow_and_update().iter().skip(shown).cloned().collect();
                shown += new.len();
                for Sms { reference, to, text } in new {
                    println!("\nto {to}:\n{text}\n");
                    gateway.report(&service, &reference, "delivered", None).await?;
                }
            }
            line = typed.recv() => {
                let Some(line) = line else { return Ok(()) };
                let id = Uuid::new_v4().to_string();
                match gateway.reply(&service, &id, CUSTOMER, &line).await {
                    Ok(200) => {}
                    Ok(status) => println!("Not sent: the messaging service answers {status}."),
                    Err(_) => println!("Not sent: there is no messaging service at {service}."),
                }
            }
        }
    }
}

/// The lines of the standard input.
fn typed() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    receiver
}
