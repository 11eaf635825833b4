//! Cards to one of the platform's users, through its open-messaging API.

use lambda_http::http::StatusCode;
use serde_json::json;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Reply, SenderRequest};
use shared::json::fields::FieldError;
use shared::model::card::{CardRecipient, CardRequest, Cards};
use shared::platform::Platforms;
use shared::platform::UserLookup;
use std::sync::Arc;

/// The route `open-messaging`.
pub(crate) struct OpenMessagingRoute {
    platforms: Arc<Platforms>,
}

/// The recipient, and whether the lookup came from the cache.
struct User {
    id: String,
    cached: bool,
}

impl OpenMessagingRoute {
    pub(crate) fn new(platforms: Arc<Platforms>) -> Self {
        Self { platforms }
    }

    /// Sends a card to a user's channel; 202 with the platform's id.
    pub(crate) async fn send(&self, request: &SenderRequest, card: &CardRequest) -> Result<Reply, Problem> {
        if card.message.text.is_some() && !matches!(card.message.cards, Cards::None) {
            let detail = "has no place beside a card where `cards.route` is `open-messaging`".to_owned();
            return Err(Problem::invalid_body(vec![FieldError::new("/text", detail)]));
        }
        if !card.normalized_only.is_empty() {
            let unfit = |pointer: &String| {
                let detail = "cannot be sent where `cards.route` is `open-messaging`: leave it out".to_owned();
                FieldError::new(pointer.clone(), detail)
            };
            return Err(Problem::invalid_body(card.normalized_only.iter().map(unfit).collect()));
        }
        let platform = &request.integration.platform;
        loop {
            let user = self.user(request, &card.recipient).await?;
            let channel = &format!("user:{}", user.id);
            let sending = request.call(|current| async move {
                self.platforms.send_card(&current.platform, channel, &card.message, request.deadline).await
            });
            let problem = match sending.await {
                Ok(sent) => {
                    let body = json!({ "id": sent.id, "channelId": channel, "route": "open-messaging" });
                    return Ok(Reply::new(StatusCode::ACCEPTED, body));
                }
                Err(error) => explained(error.into()),
            };
            match (&card.recipient, problem.status()) {
                (CardRecipient::Email(email), StatusCode::NOT_FOUND) => self.platforms.forget_user(platform, email),
                _ => return Err(problem),
            }
            // A cached lookup may be stale: the address may belong to another user by now.
            if !user.cached {
                return Err(problem);
            }
        }
    }

    async fn user(&self, request: &SenderRequest, recipient: &CardRecipient) -> Result<User, Problem> {
        let email = match recipient {
            CardRecipient::User(id) => return Ok(User { id: id.clone(), cached: false }),
            CardRecipient::Email(email) => email,
            CardRecipient::Customer(_) => {
                let detail = "is a customer, and where `cards.route` is `open-messaging` a card goes to a user of the \
                              platform: give userId, channelId or email"
                    .to_owned();
                return Err(Problem::invalid_body(vec![FieldError::new("/to", detail)]));
            }
        };
        let finding = request
            .call(|current| async move { self.platforms.find_user(&current.platform, email, request.deadline).await });
        match finding.await.map_err(|error| looked_up(error.into()))? {
            UserLookup::Found { id, cached } => Ok(User { id, cached }),
            UserLookup::NotFound => Err(not_told("No user of the platform has this e-mail address.")),
            UserLookup::Ambiguous => {
                Err(not_told("Several users of the platform have this e-mail address. Give a userId in its place."))
            }
        }
    }
}

fn not_told(detail: &str) -> Problem {
    Problem::new(ProblemType::RecipientNotFound, detail)
}

/// A refused look-up, with what to change.
fn looked_up(problem: Problem) -> Problem {
    match (problem.problem_type, problem.status()) {
        (ProblemType::PlatformRefused, StatusCode::FORBIDDEN) => {
            let detail =
                "The OAuth client may not look users up. Give its role the permission directory:user:view, or \
                          name the recipient by userId."
                    .to_owned();
            Problem { detail, ..problem }
        }
        // A look-up changes nothing, so that an unknown outcome only means that nothing was sent.
        (ProblemType::OutcomeUnknown, _) => Problem {
            platform: problem.platform,
            ..Problem::unavailable("The platform did not say who has this address. Nothing was sent.")
        },
        _ => problem,
    }
}

/// A refusal, with what to change.
fn explained(problem: Problem) -> Problem {
    if problem.problem_type != ProblemType::PlatformRefused {
        return problem;
    }
    let detail = match problem.status() {
        StatusCode::BAD_REQUEST => {
            "The platform does not take the card as it is; `platform` holds its own words. Its cards are of type `card` \
             and cardType `basic`, and a postBack's payload has at most 2048 characters."
        }
        StatusCode::FORBIDDEN => "The OAuth client may not send cards. Give it the right openmessaging:send.",
        StatusCode::NOT_FOUND => {
            "The platform knows no such channel, or has no such operation. The channel must be `user:{userId}` of a user \
             who is there. If the organisation does not have the operation at all, set the integration's `cards.route` to \
             `messaging-service`."
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            "The card is too large for the platform. Send identifiers as payloads, and look the rest up by them."
        }
        _ => return problem,
    };
    Problem { detail: detail.to_owned(), ..problem }
}
