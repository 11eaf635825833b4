//! The names of the stack's outputs: infra/template.yaml.

pub(crate) const API_URL: &str = "ApiUrl";
pub(crate) const WEBHOOK_URL: &str = "WebhookUrl";
pub(crate) const SECRET_PREFIX: &str = "SecretPrefix";
pub(crate) const MESSAGE_QUEUE_URL: &str = "MessageQueueUrl";
pub(crate) const RETRY_QUEUE_URL: &str = "RetryQueueUrl";
pub(crate) const DEAD_LETTER_QUEUE_URL: &str = "DeadLetterQueueUrl";
pub(crate) const PARKING_QUEUE_URL: &str = "ParkingQueueUrl";
pub(crate) const LEDGER_TABLE: &str = "LedgerTable";
pub(crate) const CONFIGURATION_CACHE_SECONDS: &str = "ConfigurationCacheSeconds";
/// Only of a stack that receives conversation events.
pub(crate) const EVENT_QUEUE_URL: &str = "ConversationEventQueueUrl";
pub(crate) const EVENT_DEAD_LETTER_QUEUE_URL: &str = "ConversationEventDeadLetterQueueUrl";
pub(crate) const VERSION: &str = "Version";

/// Those of every stack.
pub(crate) const REQUIRED: [&str; 9] = [
    API_URL,
    WEBHOOK_URL,
    SECRET_PREFIX,
    MESSAGE_QUEUE_URL,
    RETRY_QUEUE_URL,
    DEAD_LETTER_QUEUE_URL,
    PARKING_QUEUE_URL,
    LEDGER_TABLE,
    CONFIGURATION_CACHE_SECONDS,
];
