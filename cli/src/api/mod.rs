pub(crate) mod client;
pub(crate) mod endpoint;
pub(crate) mod response;
pub(crate) mod trial_request;
pub(crate) mod webhook_url;
