//! The subscriber that a library installs for itself.

use std::cell::Cell;

use apex_abi::LogLevel;
use serde_json::Value;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber, level_filters::LevelFilter, span};

use super::{
    fields::Fields,
    of_this_thread,
    spans::{self, Spans},
    wanted,
};

thread_local! {
    /// Whether this thread forwards an event right now: what that leads to is not forwarded in turn.
    static FORWARDING: Cell<bool> = const { Cell::new(false) };
}

/// Hands events to the host.
#[derive(Default)]
pub(crate) struct Forwarder {
    spans: Spans,
}

impl Forwarder {
    fn forward(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let innermost = match event.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if event.is_contextual() => spans::innermost(),
            None => None,
        };
        let (around, services) = self.spans.around(innermost);
        let Some(services) = services.or_else(of_this_thread) else { return };
        let Fields { message, mut rest } = fields;
        if !around.is_empty() {
            rest.insert("spans".to_owned(), Value::Array(around));
        }
        let metadata = event.metadata();
        services.log(level(metadata.level()), metadata.target(), &message, &rest);
    }
}

fn level(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

impl Subscriber for Forwarder {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Asked anew whenever the level changes.
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= wanted()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(wanted())
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        self.spans.open(attributes, of_this_thread().as_ref())
    }

    fn record(&self, id: &span::Id, values: &span::Record<'_>) {
        self.spans.record(id, values);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let is_nested = FORWARDING.try_with(|forwarding| forwarding.replace(true)).unwrap_or(true);
        if !is_nested {
            // A panic, as of a value's `Debug`, is the author's own, and unwinds on; the mark must not stay.
            let _unmark = Unmark;
            self.forward(event);
        }
    }

    fn enter(&self, id: &span::Id) {
        spans::enter(id);
    }

    fn exit(&self, id: &span::Id) {
        spans::exit(id);
    }

    fn clone_span(&self, id: &span::Id) -> span::Id {
        self.spans.refer(id);
        id.clone()
    }

    fn try_close(&self, id: span::Id) -> bool {
        self.spans.release(&id)
    }

    fn current_span(&self) -> tracing_core::span::Current {
        let current = spans::innermost().and_then(|number| Some((number, self.spans.metadata(number)?)));
        match current {
            Some((number, metadata)) => tracing_core::span::Current::new(span::Id::from_u64(number), metadata),
            None => tracing_core::span::Current::none(),
        }
    }
}

struct Unmark;

impl Drop for Unmark {
    fn drop(&mut self) {
        let _ = FORWARDING.try_with(|forwarding| forwarding.set(false));
    }
}
