//! What root may do and a plugin in root's process may not.

use std::io;

use apex_protocol::Confinement;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// Gives up all capabilities but those without which grants would mean less under root than for anybody else: to reach
/// granted files whoever owns them, and to listen on a granted port of the system.
pub(super) fn drop_most(confinement: &Confinement) -> io::Result<()> {
    let mut kept = CapabilitySet::DAC_OVERRIDE;
    if confinement.listen.iter().any(|port| *port < 1024) {
        kept |= CapabilitySet::NET_BIND_SERVICE;
    }
    let held = capabilities(None)?;
    let (effective, permitted) = (held.effective & kept, held.permitted & kept);
    set_capabilities(None, CapabilitySets { effective, permitted, inheritable: CapabilitySet::empty() })?;
    Ok(())
}
