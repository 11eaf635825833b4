//! Withdrawing an authorization: the platform reports that the app was uninstalled.

use super::AuthorizationStore;
use super::secret::SecretError;
use crate::ledger::LedgerError;
use crate::model::integration_name::IntegrationName;
use crate::platform::Withdrawal;
use jiff::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithdrawalOutcome {
    /// The tokens are deleted.
    Withdrawn,
    /// The report is not about these tokens: why.
    Ignored(&'static str),
    /// Another process writes the tokens now.
    InProgressElsewhere,
}

#[derive(Debug, thiserror::Error)]
pub enum WithdrawalError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the tokens are not accessible: {0}")]
    Secret(String),
}

impl AuthorizationStore {
    /// Deletes the tokens of an integration, unless they are newer than the report.
    ///
    /// # Errors
    /// An AWS service is unavailable, or another process has written the tokens.
    pub async fn withdraw(
        &self,
        integration: &IntegrationName,
        withdrawal: &Withdrawal,
    ) -> Result<WithdrawalOutcome, WithdrawalError> {
        let Some(lease) = self.lease(integration).await? else { return Ok(WithdrawalOutcome::InProgressElsewhere) };
        let result = self.withdraw_leased(integration, withdrawal).await;
        // If this fails, the lease expires.
        let _ = self.ledger.release(&lease, Timestamp::now()).await;
        result.map_err(|error| WithdrawalError::Secret(error.to_string()))
    }

    async fn withdraw_leased(
        &self,
        integration: &IntegrationName,
        withdrawal: &Withdrawal,
    ) -> Result<WithdrawalOutcome, SecretError> {
        let stored = match self.secrets.read(integration).await {
            Err(SecretError::Missing) => return Ok(WithdrawalOutcome::Ignored("there are no tokens")),
            read => read?,
        };
        let authorization = &stored.authorization;
        let of_other_company =
            withdrawal.company_id.as_deref().is_some_and(|id| authorization.company_id() != Some(id));
        if of_other_company {
            return Ok(WithdrawalOutcome::Ignored("it is another agency's"));
        }
        if authorization.withdrawn_at().is_some() {
            return Ok(WithdrawalOutcome::Ignored("it was withdrawn before"));
        }
        if authorization.issued_at().is_some_and(|issued_at| issued_at >= withdrawal.at) {
            return Ok(WithdrawalOutcome::Ignored("the tokens are newer"));
        }
        let withdrawn = authorization.clone().withdrawn(withdrawal.at);
        self.secrets.write(integration, &stored, withdrawn).await?;
        Ok(WithdrawalOutcome::Withdrawn)
    }
}
