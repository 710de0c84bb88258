//! What the manager decides, on its way to the audit sink; a sink that fails is told of and stops nothing.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use apex_abi::contain;
use apex_audit::{AuditSink, Happening, Record, Subject};
use apex_discover::{Change, ChangeKind, Entry};
use apex_meta::{PluginId, PluginVersion, Reason, Status};
use apex_trust::Verified;

use crate::{
    authority::Clock,
    event::{Event, Events},
};

/// Keeps records, and counts those that could not be kept.
#[derive(Clone)]
pub(crate) struct Auditor(Arc<Parts>);

struct Parts {
    keeper: Arc<Keeper>,
    /// What may be kept a little later, in its order; the thread behind it ends with this.
    later: OnceLock<Option<SyncSender<Later>>>,
    /// Refused calls that are recorded already: a caller who tries again and again fills no disk.
    refused: Mutex<BTreeSet<(PluginId, Option<PluginVersion>, String)>>,
}

/// Who keeps records, also for the thread of what is kept later.
struct Keeper {
    sink: Option<Arc<dyn AuditSink>>,
    clock: Clock,
    events: Events,
    failures: AtomicU64,
}

enum Later {
    Record(Box<Record>),
    /// Told once all before it is kept.
    Flush(SyncSender<()>),
}

/// How many records may wait; beyond that, whoever calls waits for the disk.
const MOST_WAITING: usize = 1024;

impl Keeper {
    fn keep(&self, record: &Record) {
        let Some(sink) = &self.sink else { return };
        let reason = match contain(|| sink.append(record)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                let reason = Reason::new(error.code(), with_causes(&error));
                error.hint().into_iter().fold(reason, Reason::with_hint)
            }
            Err(panicked) => Reason::new("AuditIo", format!("the audit sink panicked: {panicked}")),
        };
        self.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%reason, "an audit record could not be kept");
        self.events.send(Event::AuditFailed { reason });
    }
}

impl Auditor {
    pub(crate) fn new(sink: Option<Arc<dyn AuditSink>>, clock: Clock, events: Events) -> Self {
        let keeper = Arc::new(Keeper { sink, clock, events, failures: AtomicU64::new(0) });
        Self(Arc::new(Parts { keeper, later: OnceLock::new(), refused: Mutex::default() }))
    }

    /// Whether anybody keeps records.
    pub(crate) fn is_on(&self) -> bool {
        self.0.keeper.sink.is_some()
    }

    /// How many records could not be kept.
    pub(crate) fn failures(&self) -> u64 {
        self.0.keeper.failures.load(Ordering::Relaxed)
    }

    /// Keeps a record; may wait for a disk.
    pub(crate) fn record(&self, happening: Happening) {
        if self.is_on() {
            self.0.keeper.keep(&Record { at: (self.0.keeper.clock)(), happening });
        }
    }

    /// Keeps a record a little later, after those that wait already, so that no caller waits for a disk.
    pub(crate) fn record_soon(&self, happening: Happening) {
        if !self.is_on() {
            return;
        }
        let record = Later::Record(Box::new(Record { at: (self.0.keeper.clock)(), happening }));
        let refused = match self.later() {
            Some(later) => later.try_send(record).err().map(|error| match error {
                TrySendError::Full(record) | TrySendError::Disconnected(record) => record,
            }),
            None => Some(record),
        };
        if let Some(Later::Record(record)) = refused {
            self.0.keeper.keep(&record);
        }
    }

    /// Waits until all that was to be kept later is kept.
    pub(crate) fn flush(&self) {
        let Some(Some(later)) = self.0.later.get() else { return };
        let (kept, all) = sync_channel(1);
        if later.send(Later::Flush(kept)).is_ok() {
            // It ends without a word only if nothing is left to keep.
            let _ = all.recv();
        }
    }

    fn later(&self) -> Option<&SyncSender<Later>> {
        let start = || {
            let (later, waiting) = sync_channel(MOST_WAITING);
            let keeper = Arc::clone(&self.0.keeper);
            let keep = move || {
                for later in waiting {
                    match later {
                        Later::Record(record) => keeper.keep(&record),
                        // Who waited may have gone.
                        Later::Flush(kept) => drop(kept.send(())),
                    }
                }
            };
            thread::Builder::new().name("apex-audit".to_owned()).spawn(keep).ok().map(|_| later)
        };
        self.0.later.get_or_init(start).as_ref()
    }

    /// A plugin was blocked.
    pub(crate) fn blocked(&self, subject: Subject, reason: &Reason) {
        let (code, message) = (reason.code.to_string(), reason.message.clone());
        self.record(Happening::Block { subject, code, message });
    }

    /// Whether a refused call is news since the last scan.
    pub(crate) fn is_news(&self, subject: &Subject, reason: &Reason) -> bool {
        let key = (subject.plugin.clone(), subject.version.clone(), reason.code.to_string());
        self.0.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(key)
    }

    /// What a scan blocks that the one before it did not, as told by what changed between them.
    ///
    /// The first scan of a manager changes nothing: that somebody looked is not worth a record, that somebody called is.
    pub(crate) fn scanned(&self, changes: &[Change]) {
        self.0.refused.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if !self.is_on() {
            return;
        }
        // One whose files changed and that is blocked for the same reason as before is no news.
        let is_news = |change: &&Change| matches!(change.kind, ChangeKind::Added | ChangeKind::StatusChanged);
        for entry in changes.iter().filter(is_news).map(|change| &change.entry) {
            let reason = entry.reason().filter(|_| entry.status() == Status::Blocked && !entry.is_linked());
            if let (Some(reason), Some(subject)) = (reason, subject_of_entry(entry)) {
                self.blocked(subject, reason);
            }
        }
    }
}

/// A find, as far as its metadata tells what it is.
pub(crate) fn subject_of_entry(entry: &Entry) -> Option<Subject> {
    let subject = Subject::new(entry.id()?.clone(), entry.version()?.clone());
    Some(subject.with_digest(entry.digest().copied()).with_signer(entry.signer().map(str::to_owned), None))
}

/// A plugin that was verified.
pub(crate) fn subject_of(verified: &Verified) -> Subject {
    let key_id = verified.key_id().map(ToString::to_string);
    Subject::new(verified.id().clone(), verified.version().clone())
        .with_digest(verified.digest().copied())
        .with_signer(verified.publisher().map(str::to_owned), key_id)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
