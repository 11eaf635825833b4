//! Listings, which the platform returns in pages.

use super::{Call, Client};
use crate::platform::ApiError;
use crate::platform::genesys_cloud::config::Config;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

const PAGE_SIZE: usize = 100;
const MAX_PAGES: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default, bound = "T: DeserializeOwned")]
struct Page<T> {
    entities: Vec<T>,
    page_count: Option<usize>,
}

// Derived, it would need a `T: Default`.
impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { entities: Vec::new(), page_count: None }
    }
}

impl Client {
    /// All entities of the listing at this path.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        config: &Config,
        path: &[&str],
        deadline: Instant,
    ) -> Result<Vec<T>, ApiError> {
        let (mut found, size) = (Vec::new(), PAGE_SIZE.to_string());
        for number in 1..=MAX_PAGES {
            let number_text = number.to_string();
            let query = [("pageSize", size.as_str()), ("pageNumber", number_text.as_str())];
            let page: Page<T> = self.call(config, &Call::get(path).with_query(&query), deadline).await?;
            let is_last = match page.page_count {
                Some(count) => number >= count,
                None => page.entities.len() < PAGE_SIZE,
            };
            found.extend(page.entities);
            if is_last {
                return Ok(found);
            }
        }
        Err(ApiError::NotSent("the organization has too many of them to list"))
    }
}
