//! SIGINT: the first asks the action to stop, the second ends the program.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use apex_plugins::CancellationToken;

use crate::exit::Exit;

/// How long an action has to hear of its cancellation or deadline before the program stops waiting for it.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// Listens for SIGINT.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    token: CancellationToken,
    came: Arc<AtomicBool>,
}

impl Interrupt {
    /// Starts to listen; must be called within the runtime.
    pub(crate) fn listen() -> Self {
        let interrupt = Self::default();
        let heard = interrupt.clone();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if heard.came.swap(true, Ordering::SeqCst) {
                    process::exit(Exit::Interrupted.number().into());
                }
                heard.token.cancel();
            }
        });
        interrupt
    }

    /// The token that the first SIGINT cancels.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Ends when SIGINT came.
    pub(crate) async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// Whether SIGINT came.
    pub(crate) fn came(&self) -> bool {
        self.came.load(Ordering::SeqCst)
    }

    /// Ends when SIGINT came and the action has had its time to stop.
    pub(crate) async fn grace_is_over(&self) {
        self.token.cancelled().await;
        tokio::time::sleep(GRACE).await;
    }
}
