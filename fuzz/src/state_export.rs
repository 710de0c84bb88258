//! The states of a plugin as a document.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use apex_state::{ExportedState, MemoryStateStore, StateExport};

/// An export that can be read is written as the same; what a store takes of it, it gives back.
pub fn state_export(bytes: &[u8]) {
    let export = match StateExport::parse(bytes) {
        Ok(export) => export,
        Err(error) => {
            assert_eq!(error.code(), "StateExportInvalid", "{error}");
            return;
        }
    };
    assert_eq!(StateExport::parse(&export.to_bytes().unwrap()).unwrap(), export, "written and read");
    let store = MemoryStateStore::new();
    let imported = at_once(export.import(&store, false));
    let kept = at_once(StateExport::of(&store, &export.plugin)).unwrap();
    match imported {
        Ok(count) => assert_eq!((count, kept.states.len()), (export.states.len(), export.states.len())),
        // Only of a state that is too deep is there enough in so few bytes: those before it are imported.
        Err(error) => assert_eq!(error.code(), "StateTooDeep", "{error}"),
    }
    for state in &kept.states {
        let is_it = |other: &&ExportedState| (&other.version, &other.scope) == (&state.version, &state.scope);
        let of: Vec<_> = export.states.iter().filter(is_it).collect();
        assert!(of.len() == 1 && of[0].owner == state.owner && of[0].data == state.data, "{state:?} of {of:?}");
    }
}

/// The output of what waits for nothing.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a store in memory waits for nothing"),
    }
}
