//! One request of a provider: the checks in their order, then one durable write.

use jiff::Timestamp;
use lambda_http::http::{HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use shared::api::problem::{Problem, ProblemType, as_sentence, with_request_id};
use shared::api::receiver::{not_stored, refused};
use shared::api::request::ApiRequest;
use shared::channel::{Acknowledgement, ChannelConfig, ChannelEvent, Channels, ProviderRequest, StatusLink};
use shared::delivery::queue::MessageQueue;
use shared::inbound::Arrival;
use shared::integration::{Integration, IntegrationStore};
use shared::limits::bounded;
use shared::model::integration_name::IntegrationName;
use shared::model::trace_id::TraceId;
use shared::observability::emf::Emf;
use shared::observability::metrics::Event;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span, error_span};

/// How long the acknowledgement of a press may hold up the answer to the provider.
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_secs(3);

/// Far more than a provider sends.
const MAX_BODY_BYTES: usize = 131_072;

pub(crate) struct Receiver {
    pub(crate) integrations: IntegrationStore,
    pub(crate) queue: MessageQueue,
    pub(crate) channels: Channels,
}

/// What was done with the events of a request.
#[derive(Default)]
struct Handled {
    queued: usize,
    /// Why the last one that was not queued is not passed on.
    ignored: Option<&'static str>,
}

impl Receiver {
    /// Answers a provider as it expects once what it reports is stored durably, or hands out a file.
    pub(crate) async fn handle(&self, request: ApiRequest) -> Response<Body> {
        let name = request.integration_name();
        let trace_id = TraceId::from_headers(&request.headers);
        let span = error_span!(
            "channel",
            request_id = request.request_id,
            // An invalid name may be any text, so it is not logged.
            integration = name.as_ref().ok().map(IntegrationName::as_str),
            trace_id = trace_id.as_ref().map(TraceId::as_str),
            channel = Empty,
            secret = Empty,
            message_id = Empty,
            webhook_id = Empty,
        );
        let response = async {
            match &name {
                Ok(name) => self.route(name, &request, trace_id.as_ref()).await,
                Err(problem) => Err(problem.clone()),
            }
        };
        let response = response.instrument(span.clone()).await;
        let _entered = span.enter();
        response.unwrap_or_else(|problem| refused(&request, problem).map(Body::from))
    }

    async fn route(
        &self,
        name: &IntegrationName,
        request: &ApiRequest,
        trace_id: Option<&TraceId>,
    ) -> Result<Response<Body>, Problem> {
        let integration = self.integrations.get(name).await?;
        let path = request.path.after(&format!("/integrations/{name}/channel")).unwrap_or_default();
        if let Some(token) = path.strip_prefix("/files/") {
            return self.file(integration, token, request).await;
        }
        let (acknowledgement, handled) = self.receive(integration, path, request, trace_id).await?;
        let (name, milliseconds) = (name.clone(), request.received_at.elapsed().as_millis() as u64);
        match handled {
            Handled { queued: 0, ignored } => {
                tracing::info!(kind = ignored.unwrap_or("no event"), outcome = "ignored", milliseconds);
            }
            Handled { queued, .. } => {
                let emf = Emf::of((0..queued).map(|_| Event::Accepted(&name)));
                tracing::info!(%emf, outcome = "accepted", milliseconds);
            }
        }
        Ok(acknowledged(acknowledgement, &request.request_id))
    }

    async fn receive(
        &self,
        integration: Arc<Integration>,
        path: &str,
        request: &ApiRequest,
        trace_id: Option<&TraceId>,
    ) -> Result<(Acknowledgement, Handled), Problem> {
        let query = request.query.as_deref();
        let provider_request = ProviderRequest { headers: &request.headers, path, query, body: &request.body };
        if !channel_of(&integration)?.waits_for_acceptance() {
            // Before the signature, whose check reads the whole body.
            request.check_size(MAX_BODY_BYTES)?;
        }
        let integration = self.verify_with_refresh(integration, &provider_request).await?;
        let channel = channel_of(&integration)?;
        Span::current().record("channel", channel.name().as_str());
        if request.check_size(MAX_BODY_BYTES).is_err() {
            let handled = Handled { queued: 0, ignored: Some("an event that is too large") };
            return Ok((channel.acknowledgement(), handled));
        }
        let arrival = Arrival { integration: &integration.name, channel, at: Timestamp::now(), trace_id };
        let events = channel.parse(&provider_request).map_err(|fault| Problem::invalid_body(vec![fault]))?;
        let mut handled = Handled::default();
        for event in events {
            match event {
                ChannelEvent::Customer(event) => {
                    let envelope = arrival.inbound(&event).map_err(|error| not_stored(&error.into()))?;
                    let id = self.queue.send_inbound(&envelope).await.map_err(|error| not_stored(&error))?;
                    Span::current().record("message_id", &*bounded(&event.message_id));
                    Span::current().record("webhook_id", id.to_string());
                    handled.queued += 1;
                    if let Some(press) = &event.press {
                        // Whatever holds up the platform, the customer sees that the press has arrived.
                        let deadline = request.deadline().min(Instant::now() + ACKNOWLEDGEMENT_TIMEOUT);
                        self.channels.acknowledge_press(channel, press, deadline).await;
                    }
                }
                ChannelEvent::Status(report) => {
                    let open = |channel: &ChannelConfig| StatusLink::open(channel.sealer(), &report.link);
                    let Some((_, link)) = self.integrations.open_sealed(Arc::clone(&integration), open).await? else {
                        handled.ignored = Some("status with an unknown token, or one of a replaced secret");
                        continue;
                    };
                    Span::current().record("message_id", &*bounded(&link.message_id));
                    match arrival.receipt(integration.platform.name(), link, &report) {
                        Some(receipt) => {
                            self.queue.send_receipt(&receipt).await.map_err(|error| not_stored(&error))?;
                            handled.queued += 1;
                        }
                        None => handled.ignored = Some("status that says nothing about the whole message"),
                    }
                }
                ChannelEvent::Ignored(kind) => handled.ignored = Some(kind),
            }
        }
        Ok((channel.acknowledgement(), handled))
    }

    async fn verify_with_refresh(
        &self,
        integration: Arc<Integration>,
        request: &ProviderRequest<'_>,
    ) -> Result<Arc<Integration>, Problem> {
        channel_of(&integration)?;
        let verify = |integration: &Integration| match integration.destination.channel() {
            Some(channel) => channel.verify(request),
            None => Err(shared::signature::SignatureError::Mismatch),
        };
        let (integration, secret) = self
            .integrations
            .with_refresh(integration, verify, |error| error.may_be_stale_secret())
            .await?
            .map_err(|error| Problem::new(ProblemType::InvalidSignature, as_sentence(&error.to_string())))?;
        Span::current().record("secret", secret.for_log());
        Ok(integration)
    }
}

/// # Errors
/// The integration has a messaging service.
pub(crate) fn channel_of(integration: &Integration) -> Result<&ChannelConfig, Problem> {
    let missing = || Problem::new(ProblemType::RouteNotFound, "The integration has no channel.");
    integration.destination.channel().ok_or_else(missing)
}

fn acknowledged(acknowledgement: Acknowledgement, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(acknowledgement.body));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(acknowledgement.content_type));
    with_request_id(response, request_id)
}
