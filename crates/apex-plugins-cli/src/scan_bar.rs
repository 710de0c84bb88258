//! A bar for scans that take long, on a terminal.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::stderr::Stderr;

/// Nobody needs to be told of a scan that is over before this.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the bar moves.
const STEP: Duration = Duration::from_millis(100);

/// A bar that appears when a scan takes longer than a second, and is gone when this is dropped.
pub(crate) struct ScanBar(Arc<Shared>);

struct Shared {
    stderr: Stderr,
    is_shown: bool,
    started: Instant,
    over: AtomicBool,
    bar: Mutex<Drawn>,
}

#[derive(Default)]
struct Drawn {
    bar: Option<ProgressBar>,
    moved: Option<Instant>,
}

impl ScanBar {
    /// A bar that suits the standard error at hand.
    pub(crate) fn new(stderr: &Stderr, quiet: bool) -> Self {
        Self(Arc::new(Shared {
            stderr: stderr.clone(),
            is_shown: stderr.is_fancy() && !quiet,
            started: Instant::now(),
            over: AtomicBool::new(false),
            bar: Mutex::default(),
        }))
    }

    /// What a scan is to tell how far it is.
    pub(crate) fn teller(&self) -> impl Fn(usize, usize) + Send + Sync + 'static {
        let shared = Arc::clone(&self.0);
        move |done, of| shared.tell(done, of)
    }
}

impl Shared {
    fn tell(&self, done: usize, of: usize) {
        if !self.is_shown || self.started.elapsed() < PATIENCE || self.over.load(Ordering::Relaxed) {
            return;
        }
        // Whoever finds another one at it has nothing to add.
        let Ok(mut drawn) = self.bar.try_lock() else { return };
        if drawn.moved.is_some_and(|moved| moved.elapsed() < STEP) {
            return;
        }
        drawn.moved = Some(Instant::now());
        let bar = drawn.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(of as u64), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} looking for plugins [{bar:30}] {pos} of {len}") {
                bar.set_style(style.progress_chars("=> "));
            }
            self.stderr.show_bar(Some(bar.clone()));
            bar
        });
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    }
}

impl Drop for ScanBar {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
        let drawn = std::mem::take(&mut *self.0.bar.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(bar) = drawn.bar {
            self.0.stderr.show_bar(None);
            bar.finish_and_clear();
        }
    }
}
