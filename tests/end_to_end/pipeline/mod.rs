//! A webhook on its way from the platform to the messaging service, and the receipt back.

mod aws_outages;
mod batches;
mod chat_page;
mod conversation_events;
mod delivery;
mod lanes;
mod ledger;
mod ledger_index;
mod lenient_webhooks;
mod messaging_service_failures;
mod order;
mod parking;
mod receipts;
mod refusals;
