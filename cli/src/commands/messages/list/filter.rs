//! Selects the messages to list.

use jiff::Timestamp;
use shared::delivery::envelope::inbound;
use shared::model::integration_name::IntegrationName;
use shared::model::{message, receipt};

/// A shorter text is taken for an address.
const MIN_GROUP_DIGITS: usize = 8;

#[derive(Debug)]
pub(super) struct Filter<'f> {
    pub(super) since: Option<Timestamp>,
    /// An address, or the first digits of a group.
    pub(super) customer: Option<&'f str>,
    pub(super) limit: usize,
}

impl Filter<'_> {
    /// Whether a message of this group is wanted.
    pub(super) fn has_customer(&self, integration: &str, group: &str) -> bool {
        let Some(customer) = self.customer else { return true };
        if customer.len() >= MIN_GROUP_DIGITS && group.starts_with(customer) {
            return true;
        }
        let Ok(integration) = integration.parse::<IntegrationName>() else { return false };
        let groups = [message::customer_group, receipt::customer_group, inbound::customer_group];
        groups.iter().any(|group_of| group_of(&integration, customer).as_str() == group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_an_address_or_the_start_of_a_group() {
        let acme = "acme".parse().unwrap();
        let group = message::customer_group(&acme, "+49 170 1");
        let has = |customer| Filter { since: None, customer, limit: 1 }.has_customer("acme", group.as_str());
        assert!(has(None) && has(Some("+49 170 1")) && has(group.as_str().get(..12)));
        assert!(!has(Some("+49 170 2")) && !has(group.as_str().get(..7)));
        let filter = Filter { since: None, customer: Some("+49 170 1"), limit: 1 };
        for group_of in [receipt::customer_group, inbound::customer_group] {
            assert!(filter.has_customer("acme", group_of(&acme, "+49 170 1").as_str()));
        }
        assert!(!filter.has_customer("other", group.as_str()));
    }
}
