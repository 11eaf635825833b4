//! Log lines: flat JSON, one for the end of each request or message at each function, with its metrics.
//!
//! What is worked on is a span, and a line has the fields of the spans around it: `request_id` is Lambda's of the
//! invocation, `trace_id` the caller's or the platform's, `message_id`, `conversation_id` and `correlation_id` are the
//! platform's, and `webhook_id` is the delivery's id in the ledger. What went well is an `INFO`, what was refused or is
//! retried a `WARN`, and what an operator has to act on an `ERROR`. The spans are `error_span!`s: a filter by level leaves
//! them in, so every line has its ids.
//!
//! No line holds message text, an address, a token or a secret; types that could print them hide them.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};
use std::{env, fmt, panic};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Span, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// The field with the [metrics](super::emf::Emf) of a line.
const EMF: &str = "emf";

/// Starts logging to standard output, with the version as the first line. `AWS_LAMBDA_LOG_LEVEL` (set by Lambda) or `RUST_LOG` sets the level of our own
/// crates, `function` being the one that runs; the default is `info`. Other crates only warn: at their finest levels they
/// print what passes through them, messages and all.
pub fn init(function: &str) {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| env::var("RUST_LOG"));
    // Without standard output there is nowhere to report that.
    let write = |line: &[u8]| drop(io::stdout().lock().write_all(line));
    subscriber(function, level.as_deref().unwrap_or_default(), write).init();
    // A panic's message may quote what caused it.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    // `make build` and a release set the commit.
    let commit = option_env!("PATCHBAY_COMMIT").unwrap_or_default();
    tracing::info!(outcome = "started", version = env!("CARGO_PKG_VERSION"), commit);
}

/// What [`init`] starts, with another output.
pub fn subscriber(
    function: &str,
    level: &str,
    write: impl Fn(&[u8]) + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync + 'static {
    // Lambda's words are tracing's in upper case. Lambda drops lines below the function's level, at FATAL all of ours.
    let level = match level.to_ascii_lowercase().as_str() {
        "trace" => LevelFilter::TRACE,
        "debug" => LevelFilter::DEBUG,
        "warn" => LevelFilter::WARN,
        "error" => LevelFilter::ERROR,
        "fatal" => LevelFilter::OFF,
        _ => LevelFilter::INFO,
    };
    let own_crates = ["shared", function].map(|name| (name, level));
    let levels = Targets::new().with_default(LevelFilter::WARN).with_targets(own_crates);
    tracing_subscriber::registry().with(FlatJson { levels, level, write })
}

/// Writes a line at a level that is known only when it is written. `tracing` has a macro for each level.
#[macro_export]
macro_rules! log_at {
    ($level:expr, $($field:tt)+) => {
        match $level {
            tracing::Level::ERROR => tracing::error!($($field)+),
            tracing::Level::WARN => tracing::warn!($($field)+),
            tracing::Level::INFO => tracing::info!($($field)+),
            _ => tracing::debug!($($field)+),
        }
    };
}
pub use log_at;

/// Notes the platform's id of a call that it answered, for the line that ends the work: what its support asks for. Only
/// spans that declare `correlation_id` keep it.
pub(crate) fn set_correlation_id(id: &str) {
    Span::current().record("correlation_id", id);
}

/// Notes the trace id of a call for the line that ends the work. Only spans that declare `trace_id` keep it.
pub(crate) fn set_trace_id(id: &str) {
    Span::current().record("trace_id", id);
}

/// Writes an event as one flat JSON object: its own fields and those of the spans around it. Own fields win over those of
/// spans, and inner spans over outer ones. A field that is empty text is left out: so an event can do without what a span has.
///
/// Metrics are written whatever the level. Below the function's level, the line has nothing else, and that level:
/// Lambda drops lines of lower levels, and assumes INFO for lines without `timestamp` and `level`.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>.
struct FlatJson<W> {
    levels: Targets,
    /// The function's level.
    level: LevelFilter,
    write: W,
}

impl<W> FlatJson<W> {
    fn is_shown(&self, metadata: &Metadata<'_>) -> bool {
        self.levels.would_enable(metadata.target(), metadata.level())
    }
}

impl<S, W> Layer<S> for FlatJson<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: Fn(&[u8]) + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.is_shown(metadata) || metadata.fields().field(EMF).is_some()
    }

    /// No line with metrics is below `INFO`.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.max(LevelFilter::INFO))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let (metadata, mut own) = (event.metadata(), Fields::default());
        event.record(&mut own);
        let is_shown = self.is_shown(metadata);
        if !is_shown && own.emf.is_empty() {
            return;
        }
        let level = if is_shown { Some(*metadata.level()) } else { self.level.into_level() };
        let mut line = Line::new(level.map_or("FATAL", |level| level.as_str()));
        if is_shown {
            line.add_all(&own);
            for span in context.event_scope(event).into_iter().flatten() {
                if let Some(fields) = span.extensions().get::<Fields>() {
                    line.add_all(fields);
                }
            }
            line.add("target", &metadata.target());
        }
        (self.write)(&line.end(&own.emf));
    }
}

/// The fields of a span or of an event.
#[derive(Debug, Default)]
struct Fields {
    values: Vec<(&'static str, Value)>,
    /// The text of a JSON object, or empty.
    emf: String,
}

impl Fields {
    /// The last value of a field counts.
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        match self.values.iter_mut().find(|(name, _)| *name == field.name()) {
            Some((_, earlier)) => *earlier = value.into(),
            None => self.values.push((field.name(), value.into())),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            EMF => self.emf = format!("{value:?}"),
            _ => self.set(field, format!("{value:?}")),
        }
    }
}

/// A line as it is written.
struct Line {
    json: Vec<u8>,
    names: Vec<&'static str>,
}

impl Line {
    fn new(level: &'static str) -> Self {
        let mut line = Self { json: Vec::with_capacity(1024), names: Vec::with_capacity(32) };
        line.add("timestamp", &format_args!("{:.6}", Timestamp::now()));
        line.add("level", &level);
        line
    }

    fn add_all(&mut self, fields: &Fields) {
        for (name, value) in &fields.values {
            if self.names.contains(name) {
                continue;
            }
            if value.as_str() == Some("") {
                self.names.push(name);
            } else {
                self.add(name, value);
            }
        }
    }

    fn add(&mut self, name: &'static str, value: &impl Serialize) {
        self.json.push(if self.names.is_empty() { b'{' } else { b',' });
        self.names.push(name);
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut self.json, name);
        self.json.push(b':');
        let _ = serde_json::to_writer(&mut self.json, value);
    }

    /// The line with the members of the object in `emf`.
    fn end(mut self, emf: &str) -> Vec<u8> {
        if let Some(members) = emf.strip_prefix('{') {
            self.json.push(b',');
            self.json.extend_from_slice(members.as_bytes());
        } else {
            self.json.push(b'}');
        }
        self.json.push(b'\n');
        self.json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::{Arc, Mutex};
    use tracing::field::Empty;
    use tracing::{Level, error_span};

    /// The lines that `work` writes at a log level, without their timestamps and targets.
    fn lines(level: &str, work: impl FnOnce()) -> Vec<Value> {
        let output = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&output);
        let subscriber = subscriber("receiver", level, move |line| written.lock().unwrap().push(line.to_vec()));
        tracing::subscriber::with_default(subscriber, work);
        let line = |line: &Vec<u8>| {
            assert_eq!(Some(&b'\n'), line.last());
            let mut line: Value = serde_json::from_slice(line).unwrap();
            let fields = line.as_object_mut().unwrap();
            let _: Timestamp = fields.remove("timestamp").unwrap().as_str().unwrap().parse().unwrap();
            fields.remove("target");
            line
        };
        let output = output.lock().unwrap();
        output.iter().map(line).collect()
    }

    #[test]
    fn the_level_is_that_of_our_own_crates_only() {
        let written = |level| {
            lines(level, || {
                tracing::trace!("trace");
                tracing::info!("info");
                tracing::info!(target: "receiver::receive", "info of the function");
                tracing::error!("error");
                tracing::info!(target: "lambda_runtime", "info of another crate");
                tracing::warn!(target: "lambda_runtime", "warn of another crate");
            })
            .iter()
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
        };
        let info = ["info", "info of the function", "error", "warn of another crate"];
        assert_eq!(["trace"].iter().chain(&info).copied().collect::<Vec<_>>(), written("TRACE"));
        for other in ["", "lambda_runtime=trace", "nonsense"] {
            assert_eq!(info, *written(other));
        }
        assert_eq!(["error", "warn of another crate"], *written("ERROR"));
        assert_eq!(["warn of another crate"], *written("FATAL"));
    }

    #[test]
    fn the_members_of_metrics_are_members_of_the_line() {
        let metrics = r#"{"_aws":{},"Accepted":1}"#;
        let written = lines("info", || {
            let _request = error_span!("work", request_id = "r").entered();
            tracing::info!(emf = %metrics, outcome = "answered");
            tracing::info!(emf = %"", outcome = "ignored");
        });
        let expected = [
            json!({"level": "INFO", "request_id": "r", "outcome": "answered", "_aws": {}, "Accepted": 1}),
            json!({"level": "INFO", "request_id": "r", "outcome": "ignored"}),
        ];
        assert_eq!(expected, *written);
    }

    #[test]
    fn below_the_functions_level_a_line_has_its_metrics_only_at_that_level() {
        for level in ["WARN", "ERROR", "FATAL"] {
            let written = lines(level, || {
                let _request = error_span!("work", request_id = "r").entered();
                tracing::info!(emf = %r#"{"_aws":{},"Accepted":1}"#, outcome = "answered");
                tracing::info!(emf = %"", outcome = "ignored");
            });
            assert_eq!([json!({"level": level, "_aws": {}, "Accepted": 1})], *written);
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
