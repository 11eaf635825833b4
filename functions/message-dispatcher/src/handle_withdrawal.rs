//! Handling the platform's report that an app was uninstalled: the integration's tokens are deleted.

use crate::dispatcher::Dispatcher;
use crate::outcome::Disposition;
use crate::task::ReceiveContext;
use shared::authorization::WithdrawalOutcome;
use shared::delivery::envelope::WithdrawalEnvelope;
use shared::observability::logging::log_at;
use tracing::Level;

impl Dispatcher {
    pub(crate) async fn handle_withdrawal(
        &self,
        envelope: &WithdrawalEnvelope,
        context: ReceiveContext<'_>,
    ) -> Disposition {
        let result = self.authorizations.withdraw(&envelope.integration, &envelope.withdrawal).await;
        let (level, outcome, reason) = match &result {
            Ok(WithdrawalOutcome::Withdrawn) => (Level::WARN, "authorization_withdrawn", None),
            Ok(WithdrawalOutcome::Ignored(why)) => (Level::INFO, "withdrawal_ignored", Some((*why).to_owned())),
            Ok(WithdrawalOutcome::InProgressElsewhere) => {
                (Level::INFO, "withdrawal_retry", Some("another process has the lease".to_owned()))
            }
            Err(error) => (Level::ERROR, "withdrawal_retry", Some(error.to_string())),
        };
        log_at!(level, integration = envelope.integration.as_str(), outcome, reason);
        match result {
            Ok(WithdrawalOutcome::Withdrawn | WithdrawalOutcome::Ignored(_)) => Disposition::Ack,
            Ok(WithdrawalOutcome::InProgressElsewhere) | Err(_) => {
                Disposition::Return { after: context.delay_after_internal_error() }
            }
        }
    }
}
