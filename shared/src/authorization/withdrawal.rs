//! Withdrawing an authorization: the platform reports that the app was uninstalled.

use super::cache::Token;
use super::secret::{SecretError, Stored};
use super::{AuthorizationStore, LEASE, WRITE_TIME, api_error};
use crate::platform::tokens::{TokenRequest, WithdrawalOutcome};
use crate::platform::{ApiError, Withdrawal};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

impl AuthorizationStore {
    pub(super) async fn withdraw_once(
        &self,
        request: TokenRequest<'_>,
        withdrawal: &Withdrawal,
    ) -> Result<WithdrawalOutcome, ApiError> {
        let lease_end = Instant::now() + LEASE;
        let Some(lease) = self.lease(request.integration).await? else {
            return Ok(WithdrawalOutcome::Deferred("another process has the lease"));
        };
        let withdrawing = self.withdraw_leased(&request, withdrawal, request.deadline.min(lease_end) - WRITE_TIME);
        let result = timeout_at(lease_end, withdrawing).await;
        // If this fails, the lease expires.
        let _ = self.ledger.release(&lease, Timestamp::now()).await;
        result.unwrap_or(Err(ApiError::NotSent("the tokens were not withdrawn in time")))
    }

    async fn withdraw_leased(
        &self,
        request: &TokenRequest<'_>,
        withdrawal: &Withdrawal,
        deadline: Instant,
    ) -> Result<WithdrawalOutcome, ApiError> {
        let stored = match self.secrets.read(request.integration).await {
            Err(SecretError::Missing) => return Ok(WithdrawalOutcome::Ignored("there are no tokens")),
            read => read.map_err(|error| api_error(request.integration, &error))?,
        };
        let authorization = &stored.authorization;
        if withdrawal.details.iter().any(|(name, value)| authorization.detail(name) != Some(value)) {
            return Ok(WithdrawalOutcome::Ignored("it is about other tokens"));
        }
        if authorization.withdrawn_at().is_some() {
            return Ok(WithdrawalOutcome::Ignored("it was withdrawn before"));
        }
        match withdrawal.at {
            Some(at) if authorization.issued_at().is_some_and(|issued_at| issued_at >= at) => {
                Ok(WithdrawalOutcome::Ignored("the tokens are newer"))
            }
            Some(at) => self.delete(request, &stored, at).await,
            None => self.verify(request, &stored, deadline).await,
        }
    }

    /// The report may be an old one that is sent again, and the app installed again since. So the platform decides: it renews
    /// no tokens of an app that is not installed.
    async fn verify(
        &self,
        request: &TokenRequest<'_>,
        stored: &Stored,
        deadline: Instant,
    ) -> Result<WithdrawalOutcome, ApiError> {
        let now = Timestamp::now();
        if Token::of(&stored.authorization).is_some_and(|token| token.is_young(now)) {
            return Ok(WithdrawalOutcome::Deferred("the tokens are too new to be renewed"));
        }
        let issued = match self.refreshed(request, stored, deadline).await {
            Err(ApiError::Credentials(_)) => request.issuer.reconnect(deadline).await,
            result => result,
        };
        match issued {
            Err(ApiError::Credentials(_)) => self.delete(request, stored, now).await,
            Err(error) => Err(error),
            Ok(issued) => {
                let written = self.write(request.integration, stored, &issued).await;
                written.map_err(|error| api_error(request.integration, &error))?;
                Ok(WithdrawalOutcome::Ignored("the platform still renews the tokens"))
            }
        }
    }

    async fn delete(
        &self,
        request: &TokenRequest<'_>,
        stored: &Stored,
        at: Timestamp,
    ) -> Result<WithdrawalOutcome, ApiError> {
        let withdrawn = stored.authorization.clone().withdrawn(at);
        let written = self.secrets.write(request.integration, stored, withdrawn).await;
        written.map_err(|error| api_error(request.integration, &error))?;
        Ok(WithdrawalOutcome::Withdrawn)
    }
}
