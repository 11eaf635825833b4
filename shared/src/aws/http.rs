//! The AWS SDK on the process's HTTP client.

use crate::http_client::{HttpClient, read_body_limited};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

/// More than any response that the functions ask for: an item of the ledger has at most 400 KB.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// The SDK's own settings for connections are not used: the timeout of an attempt bounds connecting as well.
pub(super) fn sdk_client(http: HttpClient) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(http));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector(HttpClient);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let http = self.0.clone();
        HttpConnectorFuture::new(async move { send(&http, request).await })
    }
}

async fn send(http: &HttpClient, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let user = |error: BoxError| ConnectorError::user(error);
    let request = request.try_into_http1x().map_err(|error| user(error.into()))?;
    let request = request.map(reqwest::Body::wrap);
    let request = request.try_into().map_err(|error: reqwest::Error| user(error.into()))?;
    let response = http.execute(request).await.map_err(connector_error)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read_body_limited(response, MAX_RESPONSE_BYTES).await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?;
    let mut answer = HttpResponse::new(status.into(), SdkBody::from(body));
    *answer.headers_mut() = headers.try_into().map_err(|error| ConnectorError::other(BoxError::from(error), None))?;
    Ok(answer)
}

/// The SDK retries timeouts and I/O errors.
fn connector_error(error: reqwest::Error) -> ConnectorError {
    let is_timeout = error.is_timeout();
    let error = error.without_url().into();
    if is_timeout { ConnectorError::timeout(error) } else { ConnectorError::io(error) }
}
