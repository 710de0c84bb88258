//! Files, TCP ports, signals and abstract sockets: what Landlock rules over.

use std::path::Path;

use apex_protocol::{Confinement, PathRule};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, NetPort, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
};

use super::{Unconfined, failed};

const WHAT: &str = "rules of files and ports";

pub(super) fn apply(confinement: &Confinement) -> Result<(), Unconfined> {
    let abi = ABI::from(i32::try_from(confinement.landlock).unwrap_or(i32::MAX));
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let mut ruleset = ruleset.handle_access(AccessFs::from_all(abi)).map_err(failed(WHAT))?;
    if abi >= ABI::V4 {
        ruleset = ruleset.handle_access(AccessNet::from_all(abi)).map_err(failed(WHAT))?;
    }
    if abi >= ABI::V6 {
        ruleset = ruleset.scope(Scope::from_all(abi)).map_err(failed(WHAT))?;
    }
    let mut ruleset = ruleset.create().map_err(failed(WHAT))?;
    for rule in &confinement.paths {
        // What is not there cannot be allowed; whoever wants it is denied.
        let Ok(descriptor) = PathFd::new(&rule.path) else { continue };
        let access = access(rule, abi);
        if !access.is_empty() {
            ruleset = ruleset.add_rule(PathBeneath::new(descriptor, access)).map_err(failed(WHAT))?;
        }
    }
    if abi >= ABI::V4 {
        for (ports, access) in
            [(&confinement.connect, AccessNet::ConnectTcp), (&confinement.listen, AccessNet::BindTcp)]
        {
            for port in ports {
                ruleset = ruleset.add_rule(NetPort::new(*port, access)).map_err(failed(WHAT))?;
            }
        }
    }
    let status = ruleset.restrict_self().map_err(failed(WHAT))?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(()),
        other => {
            Err(Unconfined { what: WHAT, why: format!("the kernel enforces less than it said it would: {other:?}") })
        }
    }
}

/// What a rule allows; of a file that is no directory, only what can be done with one.
fn access(rule: &PathRule, abi: ABI) -> BitFlags<AccessFs> {
    let mut access = BitFlags::empty();
    if rule.read {
        access |= AccessFs::ReadFile | AccessFs::ReadDir;
    }
    if rule.write {
        // Neither devices nor sockets: there is no grant for them.
        access |= AccessFs::from_write(abi)
            & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock | AccessFs::IoctlDev);
    }
    if rule.execute {
        access |= AccessFs::Execute;
    }
    let access = access & AccessFs::from_all(abi);
    if is_directory(&rule.path) { access } else { access & AccessFs::from_file(abi) }
}

fn is_directory(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|facts| facts.is_dir())
}
