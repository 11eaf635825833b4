//! Cards to a user of the platform, through its open-messaging API.

use lambda_http::http::StatusCode;
use serde_json::json;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Reply, RequestContext};
use shared::json::fields::FieldError;
use shared::model::card::{CardRecipient, CardRequest, Cards};
use shared::platform::Platforms;
use shared::platform::UserLookup;
use std::sync::Arc;

pub(crate) struct OpenMessagingRoute {
    platforms: Arc<Platforms>,
}

struct User {
    id: String,
    /// Whether the id is from an earlier lookup of the email address.
    cached: bool,
}

impl OpenMessagingRoute {
    pub(crate) fn new(platforms: Arc<Platforms>) -> Self {
        Self { platforms }
    }

    /// Answers 202 with the platform's id of the card.
    pub(crate) async fn send(&self, context: &RequestContext, card: &CardRequest) -> Result<Reply, Problem> {
        if card.message.text.is_some() && !matches!(card.message.cards, Cards::None) {
            let detail = "cannot be sent together with a card where `cards.route` is `open-messaging`".to_owned();
            return Err(Problem::invalid_body(vec![FieldError::new("/text", detail)]));
        }
        if !card.normalized_only.is_empty() {
            let unsupported = |pointer: &String| {
                let detail = "is not supported where `cards.route` is `open-messaging`: leave it out".to_owned();
                FieldError::new(pointer.clone(), detail)
            };
            return Err(Problem::invalid_body(card.normalized_only.iter().map(unsupported).collect()));
        }
        let platform = &context.integration.platform;
        loop {
            let user = self.user(context, &card.recipient).await?;
            let channel = &format!("user:{}", user.id);
            let sending = context.call(|current| async move {
                self.platforms.send_card(&current.platform, channel, &card.message, context.deadline).await
            });
            let problem = match sending.await {
                Ok(sent) => {
                    let body = json!({ "id": sent.id, "channelId": channel, "route": "open-messaging" });
                    return Ok(Reply::new(StatusCode::ACCEPTED, body));
                }
                Err(error) => with_hint(error.into()),
            };
            match (&card.recipient, problem.status()) {
                (CardRecipient::Email(email), StatusCode::NOT_FOUND) => self.platforms.forget_user(platform, email),
                _ => return Err(problem),
            }
            // The user who had the address may be gone, and another may have it now.
            if !user.cached {
                return Err(problem);
            }
        }
    }

    async fn user(&self, context: &RequestContext, recipient: &CardRecipient) -> Result<User, Problem> {
        let email = match recipient {
            CardRecipient::User(id) => return Ok(User { id: id.clone(), cached: false }),
            CardRecipient::Email(email) => email,
            CardRecipient::Customer(_) => {
                let detail =
                    "must be a userId, channelId or email, not a customer, where `cards.route` is `open-messaging`"
                        .to_owned();
                return Err(Problem::invalid_body(vec![FieldError::new("/to", detail)]));
            }
        };
        let finding = context
            .call(|current| async move { self.platforms.find_user(&current.platform, email, context.deadline).await });
        match finding.await.map_err(|error| lookup_problem(error.into()))? {
            UserLookup::Found { id, cached } => Ok(User { id, cached }),
            UserLookup::NotFound => Err(recipient_problem("No user of the platform has this email address.")),
            UserLookup::Ambiguous => {
                Err(recipient_problem("Several users of the platform have this email address. Send a userId instead."))
            }
        }
    }
}

fn recipient_problem(explanation: &str) -> Problem {
    Problem::new(ProblemType::RecipientNotFound, explanation)
}

fn lookup_problem(problem: Problem) -> Problem {
    match (problem.problem_type, problem.status()) {
        (ProblemType::PlatformRefused, StatusCode::FORBIDDEN) => {
            let explanation = "The OAuth client may not look up users. Give its role the permission directory:user:view, or \
                               name the recipient by userId.";
            Problem { explanation: explanation.to_owned(), ..problem }
        }
        // A lookup changes nothing.
        (ProblemType::OutcomeUnknown, _) => Problem {
            platform: problem.platform,
            ..Problem::unavailable("The platform did not answer the lookup of the email address.").nothing_sent()
        },
        _ => problem,
    }
}

/// Adds what to change after a refusal.
fn with_hint(problem: Problem) -> Problem {
    if problem.problem_type != ProblemType::PlatformRefused {
        return problem;
    }
    let explanation = match problem.status() {
        StatusCode::BAD_REQUEST => {
            "The platform does not accept the card; `platform` has its error. Its cards have the type `card` and the cardType \
             `basic`, and the payload of a postBack has at most 2048 characters."
        }
        StatusCode::FORBIDDEN => "The OAuth client may not send cards. Give it the permission openmessaging:send.",
        StatusCode::NOT_FOUND => {
            "The platform does not have this channel, or does not have the operation. The channel must be `user:{userId}` of an \
             existing user. If the organization does not have the operation, set the integration's `cards.route` to \
             `messaging-service`."
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            "The card is too large for the platform. Send identifiers as payloads, and look up the rest by them."
        }
        _ => return problem,
    };
    Problem { explanation: explanation.to_owned(), ..problem }
}
