//! Dispatching one record of the queue: a message or a test delivery for the messaging service, a receipt for the
//! platform, or the withdrawal of an authorization.

use crate::authorization_check::AuthorizationChecks;
use crate::circuits::Circuits;
use crate::outcome::Disposition;
use crate::task::ReceiveContext;
use jiff::{SignedDuration, Timestamp};
use shared::aws::retry::retry_transient;
use shared::channel::Channels;
use shared::delivery::client::MessagingServiceClient;
use shared::delivery::envelope::QueueMessage;
use shared::delivery::parking::Parking;
use shared::delivery::queue::MessageQueue;
use shared::inbound::InboundPoster;
use shared::integration::{IntegrationStore, LoadError};
use shared::ledger::{
    self, Acceptance, Acquire, ConversationIndex, FailedAttempt, Lease, LeaseRequest, Ledger, LedgerError, Occurrence,
    OnExpiredLease,
};
use shared::platform::Platforms;
use std::sync::Arc;
use std::time::Duration;

/// How long messages and receipts of a removed integration are kept, in case it is restored.
const ORPHAN_RETENTION: SignedDuration = SignedDuration::from_hours(3 * 24);

pub(crate) struct Dispatcher {
    pub(crate) integrations: Arc<IntegrationStore>,
    pub(crate) ledger: Ledger,
    pub(crate) circuits: Circuits,
    pub(crate) messaging_service: MessagingServiceClient,
    pub(crate) channels: Channels,
    pub(crate) platforms: Arc<Platforms>,
    pub(crate) inbound: InboundPoster,
    pub(crate) authorization_checks: AuthorizationChecks,
    pub(crate) queue: MessageQueue,
    pub(crate) parking: Parking,
    pub(crate) conversations: ConversationIndex,
}

impl Dispatcher {
    /// Dispatches a record, unless too little time remains to finish it before the deadline.
    pub(crate) async fn dispatch(&self, context: ReceiveContext<'_>) -> Disposition {
        if !context.has_time() {
            return Disposition::Return { after: Duration::ZERO };
        }
        match QueueMessage::read(context.body) {
            Ok(QueueMessage::Message(envelope)) => self.handle_message(&envelope, context).await,
            Ok(QueueMessage::Receipt(envelope)) => self.handle_receipt(&envelope, context).await,
            // It is the largest of the futures, and the rarest.
            Ok(QueueMessage::Inbound(envelope)) => Box::pin(self.handle_inbound(&envelope, context)).await,
            Ok(QueueMessage::Probe(envelope)) => self.handle_probe(&envelope, context).await,
            Ok(QueueMessage::Withdrawal(envelope)) => self.handle_withdrawal(&envelope, context).await,
            // Another version wrote it. It stays on the queue until a version that can parse it is deployed, or until it
            // reaches maxReceiveCount and moves to the dead-letter queue.
            Err(_) => {
                tracing::error!(outcome = "retry", reason = "unreadable envelope");
                Disposition::Retry { after: context.backoff() }
            }
        }
    }

    /// Acquires a lease that ends a little after the invocation. Expired leases are reclaimed: the work is idempotent.
    pub(crate) async fn acquire_lease(
        &self,
        key: &str,
        replay: Option<&str>,
        context: ReceiveContext<'_>,
    ) -> Result<Acquire, LedgerError> {
        self.ledger.acquire_for_replay(lease_request(key, context), replay, None).await
    }

    /// The same for work that must not be repeated: an expired lease is kept.
    pub(crate) async fn acquire_lease_once(
        &self,
        key: &str,
        replay: Option<&str>,
        context: ReceiveContext<'_>,
    ) -> Result<Acquire, LedgerError> {
        let request = LeaseRequest { on_expired_lease: OnExpiredLease::Keep, ..lease_request(key, context) };
        self.ledger.acquire_for_replay(request, replay, None).await
    }

    /// The same for a receipt with this time: later attempts know of this one.
    pub(crate) async fn acquire_receipt_lease(
        &self,
        key: &str,
        time: Timestamp,
        context: ReceiveContext<'_>,
    ) -> Result<Acquire, LedgerError> {
        self.ledger.acquire_at(lease_request(key, context), Occurrence { time, content: None }).await
    }

    /// Releases a lease after a failed attempt, which is recorded. If this fails, the next attempt has to wait until the lease
    /// expires.
    pub(crate) async fn release_failed(
        &self,
        lease: &Lease,
        acceptance: Acceptance,
        failed: &FailedAttempt,
        context: ReceiveContext<'_>,
    ) -> Result<(), LedgerError> {
        let release = || self.ledger.release_failed(lease, Timestamp::now(), acceptance, failed);
        retry_transient(context.deadline, release, LedgerError::is_transient).await
    }

    /// Records the outcome. If this fails, the work is done again when a duplicate arrives.
    pub(crate) async fn complete(
        &self,
        lease: &Lease,
        context: ReceiveContext<'_>,
        outcome: ledger::Outcome,
        response: Option<&str>,
    ) -> Result<(), LedgerError> {
        let complete = || self.ledger.complete(lease, Timestamp::now(), outcome, response);
        retry_transient(context.deadline, complete, LedgerError::is_transient).await
    }
}

fn lease_request<'r>(key: &'r str, context: ReceiveContext<'_>) -> LeaseRequest<'r> {
    let (now, until, on_expired_lease) = (Timestamp::now(), context.lease_end(), OnExpiredLease::Reclaim);
    LeaseRequest { key, now, until, fingerprint: None, on_expired_lease }
}

/// Whether there will be no integration for something that has been due since then.
pub(crate) fn is_permanent(error: &LoadError, due_since: Timestamp) -> bool {
    *error == LoadError::NotFound && Timestamp::now().duration_since(due_since) > ORPHAN_RETENTION
}
