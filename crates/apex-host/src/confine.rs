//! Confines this process to what its host says, before it has a second thread and before any code of the plugin.

use std::fmt;

use apex_protocol::Confinement;
use rustix::process::{Resource, Rlimit, setrlimit};

mod capabilities;
mod files;
mod system_calls;

/// Why this process could not be confined.
#[derive(Debug)]
pub(crate) struct Unconfined {
    what: &'static str,
    why: String,
}

impl fmt::Display for Unconfined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its process could not be confined: {}: {}", self.what, self.why)
    }
}

fn failed<E: fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Unconfined {
    move |error| Unconfined { what, why: error.to_string() }
}

/// Applies a confinement, all of it or none that counts: after an error no code of the plugin may run here.
///
/// # Errors
/// The kernel refuses a part of it.
pub(crate) fn apply(confinement: &Confinement) -> Result<(), Unconfined> {
    limit(Resource::Core, Some(0))?;
    limit(Resource::Nofile, confinement.max_files)?;
    if confinement.landlock > 0 || confinement.filter {
        rustix::thread::set_no_new_privs(true).map_err(failed("no new privileges"))?;
        capabilities::drop_most(confinement).map_err(failed("capabilities"))?;
    }
    if confinement.landlock > 0 {
        files::apply(confinement)?;
    }
    limit(Resource::As, confinement.max_memory)?;
    if confinement.filter {
        // Last: it forbids what came before.
        system_calls::apply(confinement)?;
    }
    Ok(())
}

fn limit(resource: Resource, most: Option<u64>) -> Result<(), Unconfined> {
    let Some(most) = most else { return Ok(()) };
    // Never more than there was.
    let most = rustix::process::getrlimit(resource).maximum.map_or(most, |maximum| most.min(maximum));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(failed("limits"))
}
