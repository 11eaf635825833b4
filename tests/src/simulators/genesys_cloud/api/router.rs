//! The paths of the API.

use super::answers::Refusal;
use super::platform::{Incoming, Platform};
use super::profiles::Kind;
use super::{channels, conversation_calls, inbound, integrations, media, outbound, profiles, tokens, users};
use axum::Router;
use axum::routing::{any, get, patch, post, put};
use std::sync::Arc;

pub(super) fn router(platform: Arc<Platform>) -> Router {
    const MESSAGES: &str = "/api/v2/conversations/messages";
    const MESSAGING: &str = "/api/v2/conversations/messaging";
    const INTEGRATIONS: &str = "/api/v2/conversations/messaging/integrations/open";
    let inbound = |rest: &str| format!("{MESSAGES}/{{integration}}/inbound/open/{rest}");
    let communication = |rest: &str| format!("{MESSAGES}/{{conversation}}/communications/{{communication}}/{rest}");
    let mut router = Router::new();
    for kind in Kind::BOTH {
        let collection = format!("{MESSAGING}/{}", kind.collection());
        router = router
            .route(
                &collection,
                get(move |state, incoming| profiles::list(kind, state, incoming))
                    .post(move |state, incoming| profiles::create(kind, state, incoming)),
            )
            .route(
                &format!("{collection}/{{profile}}"),
                get(move |state, id, incoming| profiles::one(kind, state, id, incoming))
                    .patch(move |state, id, incoming| profiles::update(kind, state, id, incoming)),
            );
    }
    router
        .route("/oauth/token", post(tokens::token))
        .route("/api/v2/conversations/{conversation}", get(conversation_calls::show))
        .route(&format!("{MESSAGES}/{{conversation}}"), patch(conversation_calls::end))
        .route("/api/v2/conversations/messages/agentless", post(outbound::agentless))
        .route(&inbound("receipt"), post(inbound::receipt))
        .route(&inbound("message"), post(inbound::message))
        .route(&inbound("event"), post(inbound::event))
        .route(&inbound("structured/response"), post(inbound::structured_response))
        .route(&communication("messages"), post(outbound::agent_message))
        .route(&communication("typing"), post(outbound::agent_typing))
        .route(&communication("messages/media/uploads"), post(media::create))
        .route(&communication("messages/media/{media}"), get(media::status))
        .route("/api/v2/users", get(users::list))
        .route("/api/v2/users/search", post(users::search))
        .route("/api/v2/openmessaging/channels/{channel}/messages", any(channels::channel_message))
        .route(INTEGRATIONS, get(integrations::list).post(integrations::create))
        .route(
            &format!("{INTEGRATIONS}/{{integration}}"),
            get(integrations::one).patch(integrations::update).delete(integrations::delete),
        )
        .route(
            &format!("{MESSAGING}/identityresolution/integrations/open/{{integration}}"),
            get(integrations::identity_resolution).put(integrations::set_identity_resolution),
        )
        .route("/uploads/{upload}", put(media::put))
        .route("/media/{media}", get(media::download))
        .fallback(|_: Incoming| async { Refusal::not_found("The requested resource was not found.") })
        .with_state(platform)
}
