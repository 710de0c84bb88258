//! The spans that are open, each with what it says about the events within it.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use serde_json::{Map, Value};
use tracing::{Metadata, span};

use super::fields::Fields;
use crate::services::Services;

/// The most spans that are kept; what is beyond is as good as not there.
const MAX_SPANS: usize = 4096;

/// The most spans that one event names.
const MAX_DEPTH: usize = 16;

thread_local! {
    /// The spans that this thread is in, the innermost last.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The spans that are open.
#[derive(Default)]
pub(crate) struct Spans(Mutex<Open>);

#[derive(Default)]
struct Open {
    last: u64,
    spans: HashMap<u64, Span>,
}

struct Span {
    metadata: &'static Metadata<'static>,
    fields: Map<String, Value>,
    parent: Option<u64>,
    /// Handles and child spans that are left.
    references: usize,
    /// The call that it was opened in; its events belong there, whichever thread they are on.
    services: Weak<Services>,
}

impl Spans {
    pub(crate) fn open(&self, attributes: &span::Attributes<'_>, services: Option<&Arc<Services>>) -> span::Id {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if attributes.is_contextual() => innermost(),
            None => None,
        };
        let mut open = self.lock();
        open.last += 1;
        let number = open.last;
        if open.spans.len() < MAX_SPANS {
            let parent = parent.filter(|parent| open.refer(*parent));
            let (fields, services) = (fields.rest, services.map_or_else(Weak::new, Arc::downgrade));
            let span = Span { metadata: attributes.metadata(), fields, parent, references: 1, services };
            open.spans.insert(number, span);
        }
        span::Id::from_u64(number)
    }

    pub(crate) fn record(&self, id: &span::Id, values: &span::Record<'_>) {
        let mut fields = Fields::default();
        // Before the lock: a value's `Debug` is the author's code.
        values.record(&mut fields);
        if let Some(span) = self.lock().spans.get_mut(&id.into_u64()) {
            span.fields.append(&mut fields.rest);
        }
    }

    pub(crate) fn refer(&self, id: &span::Id) {
        self.lock().refer(id.into_u64());
    }

    pub(crate) fn release(&self, id: &span::Id) -> bool {
        let mut open = self.lock();
        let mut next = Some(id.into_u64());
        let mut has_closed = false;
        while let Some(number) = next.take() {
            let Some(span) = open.spans.get_mut(&number) else { break };
            span.references -= 1;
            if span.references == 0 {
                next = open.spans.remove(&number).and_then(|span| span.parent);
                has_closed = true;
            }
        }
        has_closed
    }

    pub(crate) fn metadata(&self, number: u64) -> Option<&'static Metadata<'static>> {
        self.lock().spans.get(&number).map(|span| span.metadata)
    }

    /// What the spans around an event say, the outermost first, and the call that they belong to.
    pub(crate) fn around(&self, innermost: Option<u64>) -> (Vec<Value>, Option<Arc<Services>>) {
        let (mut said, mut services) = (Vec::new(), None);
        let open = self.lock();
        let first = innermost.and_then(|number| open.spans.get(&number));
        let chain = std::iter::successors(first, |span| span.parent.and_then(|parent| open.spans.get(&parent)));
        for span in chain.take(MAX_DEPTH) {
            services = services.or_else(|| span.services.upgrade());
            let mut about = Map::from_iter([("span".to_owned(), Value::from(span.metadata.name()))]);
            about.extend(span.fields.clone());
            said.push(Value::Object(about));
        }
        said.reverse();
        (said, services)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Counts one more reference; says whether the span is kept.
    fn refer(&mut self, number: u64) -> bool {
        let span = self.spans.get_mut(&number);
        span.map(|span| span.references += 1).is_some()
    }
}

pub(crate) fn enter(id: &span::Id) {
    let _ = ENTERED.try_with(|entered| entered.borrow_mut().push(id.into_u64()));
}

pub(crate) fn exit(id: &span::Id) {
    let _ = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        // Usually the last one; spans need not be left in order.
        if let Some(place) = entered.iter().rposition(|number| *number == id.into_u64()) {
            entered.remove(place);
        }
    });
}

/// The innermost span that this thread is in.
pub(crate) fn innermost() -> Option<u64> {
    ENTERED.try_with(|entered| entered.borrow().last().copied()).ok().flatten()
}
