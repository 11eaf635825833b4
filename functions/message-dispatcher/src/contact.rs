//! The contacts of a channel's customers, on a platform that knows customers as contacts only: Patchbay creates one for each
//! customer who writes, and remembers it.

use crate::dispatcher::Dispatcher;
use jiff::Timestamp;
use shared::api::problem::{Problem, ProblemType};
use shared::api::{Reply, RequestContext};
use shared::inbound::InboundRequest;
use shared::ledger::{Contact, LedgerError};
use shared::model::inbound::Customer;
use shared::model::message::IdType;

impl Dispatcher {
    /// Posts what a customer of the channel did as their contact. A contact that the platform no longer has, because it was
    /// deleted or merged, is replaced by a new one.
    pub(crate) async fn post_as_contact(
        &self,
        context: &RequestContext,
        request: &InboundRequest,
    ) -> Result<Reply, Problem> {
        let (name, customer) = (&context.integration.name, request.customer());
        let post = async |contact: String| {
            let mut request = request.clone();
            let customer = request.customer_mut();
            (customer.id, customer.id_type) = (contact, IdType::Opaque);
            self.inbound.post(context, request).await
        };
        let known = self.ledger.contact(name, &customer.id, Timestamp::now()).await.map_err(unavailable)?;
        let Some(Contact { id, is_due_for_renewal }) = known else {
            return post(self.create_contact(context, customer).await?).await;
        };
        if is_due_for_renewal {
            self.put_contact(context, customer, &id).await?;
        }
        let result = post(id.clone()).await;
        match &result {
            Err(problem) if problem.problem_type == ProblemType::PlatformRefused => {
                let (platforms, id) = (&self.platforms, id.as_str());
                let asking = context.call(|current| async move {
                    platforms.contact_exists(&current.platform, id, context.deadline).await
                });
                if asking.await? { result } else { post(self.create_contact(context, customer).await?).await }
            }
            _ => result,
        }
    }

    async fn create_contact(&self, context: &RequestContext, customer: &Customer) -> Result<String, Problem> {
        let platforms = &self.platforms;
        let creating = context.call(|current| async move {
            platforms.create_contact(&current.platform, customer, context.deadline).await
        });
        let id = creating.await?;
        self.put_contact(context, customer, &id).await?;
        Ok(id)
    }

    async fn put_contact(&self, context: &RequestContext, customer: &Customer, id: &str) -> Result<(), Problem> {
        let put = self.ledger.put_contact(&context.integration.name, &customer.id, id, Timestamp::now());
        put.await.map_err(unavailable)
    }
}

fn unavailable(error: LedgerError) -> Problem {
    tracing::warn!(reason = %error, "the customer's contact could not be read or recorded");
    Problem::unavailable("The customer's contact could not be read or recorded.")
}
