//! Handling what a customer did: acquire the lease, post it to the platform, record the outcome; if it failed, park it and
//! report that to the messaging service.

use crate::backoff::{self, next_retry_delay, remaining_delivery_time};
use crate::choice::Action;
use crate::circuits::{Admission, Answer};
use crate::dispatcher::{Dispatcher, is_permanent};
use crate::inbound_outcome::{Failure, InboundOutcome, Step};
use crate::outcome::{CIRCUIT_OPEN, Disposition, NotHandled};
use crate::task::{ReceiveContext, Work, attempt};
use jiff::Timestamp;
use serde_json::value::RawValue;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{AcceptedRequest, Reply, RequestContext, RetrySafety};
use shared::delivery::envelope::{Envelope, InboundEnvelope, QueuedInboundFailure};
use shared::delivery::id::DeliveryId;
use shared::delivery::queue::SendError;
use shared::delivery::record::DeliveryRecord;
use shared::inbound::InboundRequest;
use shared::integration::{Integration, IntegrationStore};
use shared::json::fields::read;
use shared::ledger::{self, Acceptance, Acquire, Lease, LedgerError};
use shared::limits::bounded;
use shared::model::conversation::CustomerAddress;
use shared::model::endpoint::{Endpoint, EndpointKind};
use shared::model::message::InboundFailure;
use shared::model::trace_id::TraceId;
use shared::observability::calls::PlatformCalls;
use shared::platform::Route;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, error_span};

/// How long an attempt may take: the upload of files, and the calls to the platform.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long showing the choice may hold up the customer's next message.
const CHOICE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a customer did, on its way to the platform.
struct Task<'t> {
    envelope: &'t InboundEnvelope,
    id: DeliveryId,
    context: ReceiveContext<'t>,
}

impl Dispatcher {
    /// Handles what a customer did. While the platform is unavailable it is retried, in the customer's order.
    pub(crate) async fn handle_inbound(&self, envelope: &InboundEnvelope, context: ReceiveContext<'_>) -> Disposition {
        let started_at = Instant::now();
        let id = DeliveryId::of_inbound(envelope);
        let span = error_span!(
            "inbound",
            integration = envelope.integration.as_str(),
            trace_id = envelope.trace_id.as_ref().map(TraceId::as_str),
            message_id = envelope.inbound.message_id.as_deref().map(bounded).as_deref(),
            webhook_id = id.to_string(),
            route = envelope.inbound.route.as_str(),
            caller = &*bounded(&envelope.inbound.caller),
            replay_id = envelope.replay.as_ref().map(|replay| replay.id.as_str()),
            correlation_id = Empty,
        );
        let processing = PlatformCalls::counted(self.process_inbound(envelope, id, context));
        let (outcome, calls) = processing.instrument(span.clone()).await;
        span.in_scope(|| outcome.log(envelope, &calls, started_at));
        outcome.disposition()
    }

    async fn process_inbound(
        &self,
        envelope: &InboundEnvelope,
        id: DeliveryId,
        context: ReceiveContext<'_>,
    ) -> InboundOutcome {
        let task = Task { envelope, id, context };
        let integration = match self.integrations.get(&envelope.integration).await {
            Ok(integration) => integration,
            Err(error) if is_permanent(&error, envelope.due_since()) => {
                let failure = Failure::integration_removed(error.to_string());
                return self.follow_up_inbound(&task, None, failure, 0).await;
            }
            Err(error) => return InboundOutcome::NotHandled(NotHandled::load_error(&error, context)),
        };
        let processed = async {
            let action = self.action(envelope, &integration).await?;
            let showing = self.show_choice(&task, &integration, action.as_ref());
            let posting = self.acquire_and_post_inbound(&task, &integration, action.as_ref());
            tokio::join!(posting, showing).0
        };
        let not_handled = |error| InboundOutcome::NotHandled(NotHandled::internal_error(&error, context));
        processed.await.unwrap_or_else(not_handled)
    }

    async fn acquire_and_post_inbound(
        &self,
        task: &Task<'_>,
        integration: &Arc<Integration>,
        action: Option<&Action>,
    ) -> Result<InboundOutcome, LedgerError> {
        let Some(action) = action else { return Ok(InboundOutcome::Ignored) };
        let endpoint = Endpoint::new(integration.name.clone(), EndpointKind::Platform);
        let remaining = remaining_delivery_time(task.envelope.due_since(), integration.destination.give_up_after());
        let admission = self.circuits.admit(&endpoint, ATTEMPT_TIMEOUT, Timestamp::now()).await;
        if let Admission::Wait { until } = admission
            && !remaining.is_zero()
        {
            if task.is_typing() {
                return Ok(InboundOutcome::Failed(Failure::dropped(&Problem::unavailable(CIRCUIT_OPEN))));
            }
            let delay = backoff::delay_while_open(until, task.context.receive_count, fastrand::f64());
            return Ok(InboundOutcome::CircuitOpen { after: delay.min(remaining) });
        }
        let key = ledger::key::delivery(&integration.name, task.id.digest().as_str());
        let lease = match self.acquire_lease(&key, task.replay_id(), task.context).await? {
            Acquire::Acquired(lease) => lease,
            Acquire::InProgress { until, .. } => return Ok(InboundOutcome::InProgressElsewhere { until }),
            Acquire::Completed(completed) => {
                // The failure may not have been parked and reported yet.
                let record = DeliveryRecord::from_stored(completed.response.as_deref());
                return Ok(match completed.outcome {
                    ledger::Outcome::Failed if completed.replay.as_deref() == task.replay_id() => {
                        let failure = Failure::recorded(record);
                        self.follow_up_inbound(task, Some(integration), failure, completed.attempts).await
                    }
                    _ => InboundOutcome::Duplicate,
                });
            }
        };
        let step = match admission {
            Admission::Attempt(trial) => {
                let deadline = Instant::now() + task.context.attempt_timeout(ATTEMPT_TIMEOUT);
                let (result, retry_safety) = self.post_or_post_as_text(task, integration, action, deadline).await;
                let answer = answer(&result, Instant::now() >= deadline);
                self.circuits.record(&endpoint, answer, trial, Timestamp::now()).await;
                Step::after(result, retry_safety)
            }
            Admission::Wait { .. } => Step::circuit_open(),
        };
        Ok(match step {
            Step::Posted { replayed } => {
                self.complete(&lease, task.context, ledger::Outcome::Succeeded, None).await?;
                if replayed { InboundOutcome::Duplicate } else { InboundOutcome::Posted }
            }
            Step::Failed(failure) => self.fail_inbound(task, integration, &lease, failure).await,
            Step::Retry { problem, .. } if task.is_typing() => {
                self.fail_inbound(task, integration, &lease, Failure::dropped(&problem)).await
            }
            Step::Retry { problem, retry_after } => {
                let backoff = backoff::delay(attempt(&lease, task.envelope.replay.as_ref()), fastrand::f64());
                match next_retry_delay(backoff, retry_after, remaining) {
                    Some(after) => {
                        let work = task.work(integration.destination.give_up_after());
                        let failed = task.context.failed_attempt(&lease, problem.problem_type.as_str(), after, work);
                        self.release_failed(&lease, Acceptance::Possible, &failed, task.context).await?;
                        InboundOutcome::RetryScheduled { problem, after }
                    }
                    None => self.fail_inbound(task, integration, &lease, Failure::expired(&problem)).await,
                }
            }
        })
    }

    /// Posts it. A choice that the platform refuses is posted as a text, so that the agent sees it.
    async fn post_or_post_as_text(
        &self,
        task: &Task<'_>,
        integration: &Arc<Integration>,
        action: &Action,
        deadline: Instant,
    ) -> (Result<Reply, Problem>, RetrySafety) {
        let (result, retry_safety) = self.post_inbound(task, integration, action, deadline).await;
        let is_refused = matches!(&result, Err(problem) if problem.problem_type == ProblemType::PlatformRefused);
        match action.as_text(task.envelope).filter(|_| is_refused) {
            Some(text) => self.post_inbound(task, integration, &text, deadline).await,
            None => (result, retry_safety),
        }
    }

    async fn post_inbound(
        &self,
        task: &Task<'_>,
        integration: &Arc<Integration>,
        action: &Action,
        deadline: Instant,
    ) -> (Result<Reply, Problem>, RetrySafety) {
        let context = task.request_context(integration, action.route, deadline, &self.integrations);
        let result = if integration.supports(action.route) {
            let is_contact = task.envelope.inbound.channel.is_some() && integration.creates_contacts();
            match read(action.body.clone(), |fields| InboundRequest::read(action.route, fields)) {
                Ok(request) if is_contact => self.post_as_contact(&context, &request).await,
                Ok(request) => self.inbound.post(&context, request).await,
                Err(errors) => Err(Problem::invalid_body(errors)),
            }
        } else {
            Err(Problem::not_supported(integration.platform.name(), integration.routes()))
        };
        (result, context.retry_safety)
    }

    /// Shows a customer who pressed a button that it was the answer, whether or not the platform has it yet.
    async fn show_choice(&self, task: &Task<'_>, integration: &Integration, action: Option<&Action>) {
        let deadline = Instant::now() + CHOICE_TIMEOUT;
        let inbound = &task.envelope.inbound;
        let press = inbound.channel.as_ref().and_then(|from_channel| from_channel.press.as_ref());
        let chosen = action.and_then(|action| action.chosen.as_deref()).filter(|_| task.context.receive_count <= 1);
        if let (Some(channel), Some(press), Some(chosen)) = (integration.destination.channel(), press, chosen) {
            self.channels.show_choice(channel, &inbound.customer, press, chosen, deadline).await;
        }
    }

    async fn fail_inbound(
        &self,
        task: &Task<'_>,
        integration: &Arc<Integration>,
        lease: &Lease,
        failure: Failure,
    ) -> InboundOutcome {
        let stored = failure.record.to_stored();
        if let Err(error) = self.complete(lease, task.context, ledger::Outcome::Failed, stored.as_deref()).await {
            tracing::error!(reason = %error, "the outcome could not be recorded");
        }
        self.follow_up_inbound(task, Some(integration), failure, lease.attempt()).await
    }

    /// Parks what failed, and reports it to the messaging service. It stays on the queue until both have succeeded. Both can
    /// be repeated without harm.
    async fn follow_up_inbound(
        &self,
        task: &Task<'_>,
        integration: Option<&Arc<Integration>>,
        failure: Failure,
        attempts: u64,
    ) -> InboundOutcome {
        if task.is_typing() {
            return InboundOutcome::Failed(failure);
        }
        let report = async {
            match integration.filter(|integration| integration.destination.messaging_service().is_some()) {
                Some(integration) => self.report_inbound_failure(task, integration, &failure).await,
                None => Ok(()),
            }
        };
        let replay = task.envelope.replay.as_ref();
        let park = self.parking.park(|| task.context.to_parked(&task.id, replay, attempts, &failure.record));
        let (parked, reported) = tokio::join!(park, report);
        match parked.and(reported) {
            Ok(()) => InboundOutcome::Failed(failure),
            Err(error) => {
                tracing::error!(reason = %error, "the failure could not be parked or reported");
                InboundOutcome::FollowUpFailed { failure, after: task.context.delay_after_internal_error() }
            }
        }
    }

    async fn report_inbound_failure(
        &self,
        task: &Task<'_>,
        integration: &Integration,
        failure: &Failure,
    ) -> Result<(), SendError> {
        let content = &task.envelope.inbound;
        let Some(message_id) = &content.message_id else { return Ok(()) };
        let failure = QueuedInboundFailure {
            customer: CustomerAddress { id: content.customer.clone(), id_type: None },
            message_id: message_id.clone(),
            time: failure.record.at.unwrap_or_else(Timestamp::now),
            failure: InboundFailure {
                route: content.route.as_str().to_owned(),
                reason: failure.reason().to_owned(),
                detail: failure.detail().to_owned(),
                platform_status: failure.record.status,
                platform_code: failure.code.clone(),
            },
            original: RawValue::to_owned(&content.body),
        };
        let (name, platform) = (task.envelope.integration.clone(), integration.platform.name());
        let envelope = Envelope::of_inbound_failure(name, platform, failure);
        let envelope = envelope.with_trace_id(task.envelope.trace_id.clone());
        match envelope.message() {
            Ok(message) => self.queue.send_message(&envelope, &message).await.map(drop),
            Err(_) => Ok(()),
        }
    }
}

impl Task<'_> {
    fn request_context(
        &self,
        integration: &Arc<Integration>,
        route: Route,
        deadline: Instant,
        integrations: &Arc<IntegrationStore>,
    ) -> RequestContext {
        let accepted = AcceptedRequest {
            integration: Arc::clone(integration),
            caller: self.envelope.inbound.caller.clone(),
            route,
            deadline,
            invocation_deadline: self.context.deadline,
            id: self.id.to_string(),
            trace_id: self.envelope.trace_id.clone(),
            replay: self.replay_id().map(str::to_owned),
        };
        RequestContext::of_accepted(accepted, integrations)
    }

    fn route(&self) -> Route {
        self.envelope.inbound.route
    }

    fn is_typing(&self) -> bool {
        self.route() == Route::InboundEvents
    }

    fn replay_id(&self) -> Option<&str> {
        self.envelope.replay.as_ref().map(|replay| replay.id.as_str())
    }

    fn work(&self, give_up_after: Duration) -> Work<'_> {
        Work {
            received_at: self.envelope.received_at,
            gives_up_at: self.envelope.due_since().saturating_add(give_up_after).unwrap_or(Timestamp::MAX),
            kind: InboundEnvelope::KIND,
            message_id: self.envelope.inbound.message_id.as_deref().unwrap_or_default(),
            conversation_id: None,
        }
    }
}

/// How the platform answered, given whether the attempt used all of its time.
fn answer(result: &Result<Reply, Problem>, time_is_up: bool) -> Answer {
    match result {
        _ if time_is_up => Answer::TimedOut,
        Ok(_) => Answer::Prompt,
        Err(problem) if problem.platform.is_some() => Answer::Prompt,
        // Nothing is known of the platform: a file may not have been fetched, or the ledger is unavailable.
        Err(_) => Answer::None,
    }
}
