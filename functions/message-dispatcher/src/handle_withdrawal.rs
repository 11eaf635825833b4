//! Handling the platform's report that an app was uninstalled: the integration's tokens are deleted.

use crate::dispatcher::{Dispatcher, is_permanent};
use crate::outcome::Disposition;
use crate::task::ReceiveContext;
use shared::delivery::envelope::WithdrawalEnvelope;
use shared::http_client::TIMEOUT;
use shared::observability::logging::log_at;
use shared::platform::tokens::WithdrawalOutcome;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Level;

/// New tokens of a day are not renewed for so long.
const DEFERRED: Duration = Duration::from_mins(15);

impl Dispatcher {
    pub(crate) async fn handle_withdrawal(
        &self,
        envelope: &WithdrawalEnvelope,
        context: ReceiveContext<'_>,
    ) -> Disposition {
        let (level, outcome, reason, disposition) = self.withdraw(envelope, context).await;
        log_at!(level, integration = envelope.integration.as_str(), outcome, reason);
        disposition
    }

    async fn withdraw(
        &self,
        envelope: &WithdrawalEnvelope,
        context: ReceiveContext<'_>,
    ) -> (Level, &'static str, Option<String>, Disposition) {
        let retry =
            |level, reason: String, after| (level, "withdrawal_retry", Some(reason), Disposition::Return { after });
        let ignored = |why: String| (Level::INFO, "withdrawal_ignored", Some(why), Disposition::Ack);
        let integration = match self.integrations.get(&envelope.integration).await {
            Ok(integration) => integration,
            Err(error) if is_permanent(&error, envelope.received_at) => return ignored(error.to_string()),
            Err(error) => return retry(Level::ERROR, error.to_string(), context.delay_after_internal_error()),
        };
        let deadline = Instant::now() + context.attempt_timeout(TIMEOUT);
        let withdrawing = self.platforms.withdraw_authorization(&integration.platform, &envelope.withdrawal, deadline);
        match withdrawing.await {
            Ok(WithdrawalOutcome::Withdrawn) => (Level::WARN, "authorization_withdrawn", None, Disposition::Ack),
            Ok(WithdrawalOutcome::Ignored(why)) => ignored(why.to_owned()),
            Ok(WithdrawalOutcome::Deferred(why)) => retry(Level::INFO, why.to_owned(), DEFERRED),
            Err(error) => retry(Level::ERROR, error.to_string(), context.delay_after_internal_error()),
        }
    }
}
