//! Log lines: flat JSON, one for the end of each request or message at each function, and one for each call to a platform.
//!
//! What is worked on is a span, and a line has the fields of the spans around it: `request_id` is Lambda's of the
//! invocation, `trace_id` the caller's or the platform's, `message_id`, `conversation_id` and `correlation_id` are the
//! platform's, and `webhook_id` is the delivery's id in the ledger. What went well is an `INFO`, what was refused or is
//! retried a `WARN`, and what an operator has to act on an `ERROR`. The spans are `error_span!`s: a filter by level leaves
//! them in, so every line has its ids.
//!
//! No line holds message text, an address, a token or a secret; types that could print them hide them.

use serde::Serialize;
use serde_json::{Map, Value};
use std::{fmt, panic};
use tracing::{Event, Span, Subscriber};
use tracing_serde::fields::AsMap;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// Starts logging to standard output. `AWS_LAMBDA_LOG_LEVEL` (set by Lambda) or `RUST_LOG` sets the level of our own
/// crates, `function` being the one that runs; the default is `info`. Other crates only warn: at their finest levels they
/// print what passes through them, messages and all.
pub fn init(function: &str) {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    tracing_subscriber::fmt()
        .fmt_fields(JsonFields::new())
        .event_format(FlatJson)
        .with_env_filter(filter(function, level.as_deref().unwrap_or_default()))
        .init();
    // A panic's message may quote what caused it.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
}

fn filter(function: &str, level: &str) -> EnvFilter {
    // Lambda's words are tracing's in upper case; its FATAL is our ERROR.
    let level = match level.to_ascii_lowercase().as_str() {
        "fatal" => "error",
        level @ ("trace" | "debug" | "warn" | "error") => level,
        _ => "info",
    }
    .to_owned();
    EnvFilter::new(format!("warn,shared={level},{function}={level}"))
}

/// Writes a line at a level that is known only when it is written. `tracing` has a macro for each level.
#[macro_export]
macro_rules! log_at {
    ($level:expr, $($field:tt)+) => {
        match $level {
            tracing::Level::ERROR => tracing::error!($($field)+),
            tracing::Level::WARN => tracing::warn!($($field)+),
            _ => tracing::info!($($field)+),
        }
    };
}
pub use log_at;

/// Notes the platform's id of a call that it answered, for the line that ends the work: what its support asks for. Only
/// spans that declare `correlation_id` keep it.
pub(crate) fn set_correlation_id(id: &str) {
    Span::current().record("correlation_id", id);
}

/// Writes an event as one flat JSON object: the fields of the spans around it and its own, which win. A field that is
/// empty text is left out: so an event can do without what a span has.
struct FlatJson;

#[derive(Serialize)]
struct Line<'l> {
    timestamp: String,
    level: &'static str,
    #[serde(flatten)]
    fields: Map<String, Value>,
    target: &'l str,
}

impl<S, N> FormatEvent<S, N> for FlatJson
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Map::new();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let recorded = extensions.get::<FormattedFields<N>>().map(|fields| serde_json::from_str(fields));
            if let Some(Ok(Value::Object(recorded))) = recorded {
                fields.extend(recorded);
            }
        }
        if let Ok(Value::Object(own)) = serde_json::to_value(event.field_map()) {
            fields.extend(own);
        }
        fields.retain(|_, value| value != "");
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let (level, target) = (event.metadata().level().as_str(), event.metadata().target());
        let line = serde_json::to_string(&Line { timestamp, level, fields, target }).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};
    use tracing::field::Empty;
    use tracing::{Level, error_span};

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `work` writes at a log level, without their timestamps and targets.
    fn lines(level: &str, work: impl FnOnce()) -> Vec<Value> {
        let output = Output::default();
        let writer = output.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(FlatJson)
            .with_env_filter(filter("receiver", level))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        let bytes = output.0.lock().unwrap().clone();
        let line = |line: &str| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            assert!(line.as_object_mut().unwrap().remove("timestamp").unwrap().is_string());
            assert_eq!(module_path!(), line.as_object_mut().unwrap().remove("target").unwrap());
            line
        };
        String::from_utf8(bytes).unwrap().lines().map(line).collect()
    }

    #[test]
    fn the_level_is_that_of_our_own_crates_only() {
        assert_eq!("receiver=trace,shared=trace,warn", filter("receiver", "TRACE").to_string());
        assert_eq!("receiver=error,shared=error,warn", filter("receiver", "FATAL").to_string());
        for other in ["", "lambda_runtime=trace", "nonsense"] {
            assert_eq!("receiver=info,shared=info,warn", filter("receiver", other).to_string());
        }
    }

    #[test]
    fn a_line_is_flat_and_has_the_fields_of_the_spans_around_it() {
        let written = lines("info", || {
            let _request =
                error_span!("work", request_id = "r", integration = "acme", correlation_id = Empty).entered();
            let none: Option<u16> = None;
            tracing::info!(outcome = "called", status = 200, code = none, correlation_id = "");
            set_correlation_id("c-1");
            set_correlation_id("c-2");
            tracing::info!(outcome = "called", correlation_id = "");
            log_at!(Level::WARN, outcome = "refused", integration = "other");
        });
        let expected = [
            json!({"level": "INFO", "request_id": "r", "integration": "acme", "outcome": "called", "status": 200}),
            json!({"level": "INFO", "request_id": "r", "integration": "acme", "outcome": "called"}),
            json!({"level": "WARN", "request_id": "r", "integration": "other", "outcome": "refused",
                "correlation_id": "c-2"}),
        ];
        assert_eq!(expected, *written);
    }

    #[test]
    fn the_ids_are_there_at_every_level() {
        let written = lines("error", || {
            let _request = error_span!("work", request_id = "r").entered();
            tracing::warn!(outcome = "retry");
            log_at!(Level::ERROR, outcome = "failed");
        });
        assert_eq!([json!({"level": "ERROR", "request_id": "r", "outcome": "failed"})], *written);
    }

    #[test]
    fn spans_of_work_that_runs_side_by_side_do_not_mix() {
        let written = lines("info", || {
            let (one, two) = (error_span!("work", message_id = "1"), error_span!("work", message_id = "2"));
            one.in_scope(|| tracing::info!("a"));
            two.in_scope(|| tracing::info!("b"));
            tracing::info!("c");
        });
        let expected = [
            json!({"level": "INFO", "message_id": "1", "message": "a"}),
            json!({"level": "INFO", "message_id": "2", "message": "b"}),
            json!({"level": "INFO", "message": "c"}),
        ];
        assert_eq!(expected, *written);
    }
}
