//! Customers' files, which a message then names by the platform's own URL.

use super::request_body::RequestBody;
use super::{Client, Resource};
use crate::model::trace_id::TraceId;
use crate::platform::ApiError;
use crate::platform::multicloud_cx::config::Config;
use crate::platform::upload::{CustomerFile, FileUpload};
use tokio::time::Instant;

impl Client {
    /// Uploads a file. A repeat makes a second file, which no message names, so this is retried.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn upload_customer_file(
        &self,
        config: &Config,
        file: &CustomerFile,
        trace_id: Option<&TraceId>,
        deadline: Instant,
    ) -> Result<FileUpload, ApiError> {
        match self.post(config, Resource::Media, RequestBody::form(file)?, trace_id, true, deadline).await {
            Ok(response) => {
                let cause = "the response has no URL of the file";
                response.url.map(FileUpload::Stored).ok_or(ApiError::OutcomeUnknown { cause, error: None })
            }
            // Neither the largest file nor the accepted types are documented: this file is not accepted.
            Err(ApiError::Refused(error)) if matches!(error.status, 400 | 413) => Ok(FileUpload::Refused(error)),
            Err(error) => Err(error),
        }
    }
}
