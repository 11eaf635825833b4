//! The kinds of problems.

use http::StatusCode;

macro_rules! problem_types {
    ($($(#[$meta:meta])* $variant:ident = $slug:literal, $status:ident, $title:literal;)+) => {
        /// The kind of a problem. It says no more than the caller may know; the log has the cause.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemType { $($(#[$meta])* $variant,)+ }

        impl ProblemType {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The last part of the problem's `type`; also the `reason` in the log.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $slug,)+ }
            }

            /// The kind that `slug` names, if this version knows it.
            #[must_use]
            pub fn parse(slug: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == slug)
            }

            pub(super) fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            pub(super) fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }
        }
    };
}

problem_types! {
    IntegrationNotFound = "integration-not-found", NOT_FOUND, "Integration not found";
    /// API Gateway has a route that the function does not have.
    RouteNotFound = "route-not-found", NOT_FOUND, "Route not found";
    InvalidPath = "invalid-path", BAD_REQUEST, "Invalid path";
    /// Larger than the route, the queue or the platform accepts.
    BodyTooLarge = "body-too-large", PAYLOAD_TOO_LARGE, "Request body too large";
    /// The platform's signature is missing, malformed or wrong.
    InvalidSignature = "invalid-signature", UNAUTHORIZED, "Invalid signature";
    /// The body cannot be parsed, or some of its fields are invalid.
    InvalidBody = "invalid-body", BAD_REQUEST, "Invalid request body";
    /// The webhook is genuine, and belongs to another integration.
    WrongIntegration = "wrong-integration", FORBIDDEN, "Wrong integration";
    /// The caller is known, and restricted to other routes.
    RouteNotAllowed = "route-not-allowed", FORBIDDEN, "Route not allowed";
    /// The caller's signature or token is missing or wrong.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "Authentication failed";
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type";
    /// No conversation of the integration has the id.
    ConversationNotFound = "conversation-not-found", NOT_FOUND, "Conversation not found";
    NoAgentConnected = "no-agent-connected", CONFLICT, "No agent is connected";
    SeveralAgentsConnected = "several-agents-connected", CONFLICT, "Several agents are connected";
    /// No user, or more than one, has the recipient's email address.
    RecipientNotFound = "recipient-not-found", UNPROCESSABLE_ENTITY, "Recipient not found";
    /// The file cannot be fetched, or the platform does not accept it.
    MediaRefused = "media-refused", UNPROCESSABLE_ENTITY, "File refused";
    /// The link to a customer's file is not valid, or the channel no longer has the file.
    FileNotFound = "file-not-found", NOT_FOUND, "File not found";
    /// A customer's file is larger than a response may be.
    FileTooLarge = "file-too-large", PAYLOAD_TOO_LARGE, "File too large";
    InvalidIdempotencyKey = "invalid-idempotency-key", BAD_REQUEST, "Invalid idempotency key";
    /// The key, or the message id, was used before with other content.
    IdempotencyKeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "Key or message id reused";
    /// Another attempt of the same request is in progress.
    RequestInProgress = "request-in-progress", CONFLICT, "Request in progress";
    /// The platform may have done what was requested.
    OutcomeUnknown = "outcome-unknown", GATEWAY_TIMEOUT, "Outcome unknown";
    RateLimited = "rate-limited", TOO_MANY_REQUESTS, "Rate limit of the platform exceeded";
    PlatformRefused = "platform-refused", BAD_GATEWAY, "Request refused by the platform";
    PlatformCredentials = "platform-credentials", BAD_GATEWAY, "Credentials refused by the platform";
    /// The integration's platform has no call for the route.
    NotSupported = "not-supported", NOT_IMPLEMENTED, "Not supported by the platform";
    /// A service that Patchbay needs is unavailable. Nothing is lost, and the request can be retried.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Temporarily unavailable";
}
