//! System calls: what Landlock does not rule over, or not on each kernel, is filtered by seccomp.
//!
//! The filter is a list of what is denied. So that a list can be enough, system calls that are newer than it do not
//! exist for a plugin, nor does another architecture's way of asking for them.

use std::collections::BTreeMap;

use apex_protocol::Confinement;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Is, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter, sock_filter,
};

use super::{Unconfined, failed};

mod denied;

const WHAT: &str = "the filter of system calls";

/// The last system call that the list was written with knowledge of: `mseal`.
const LAST_KNOWN: u32 = 462;

/// System calls that are denied: always, or under any of these conditions.
#[derive(Default)]
struct Denied(BTreeMap<i64, Vec<SeccompRule>>);

pub(super) fn apply(confinement: &Confinement) -> Result<(), Unconfined> {
    let mut denied = Denied::default();
    denied::add_all(&mut denied, confinement);
    let Denied(rules) = denied;
    let architecture = std::env::consts::ARCH.try_into().map_err(failed(WHAT))?;
    let errno = SeccompAction::Errno(libc::EACCES as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, architecture).map_err(failed(WHAT))?;
    let program: BpfProgram = filter.try_into().map_err(failed(WHAT))?;
    apply_filter(&program).map_err(failed(WHAT))?;
    apply_filter(&unknown()).map_err(failed(WHAT))
}

/// Lets system calls not exist that the list does not know, among them those of another word size, and `clone3`, whose
/// flags a filter cannot see: the C library does without.
fn unknown() -> BpfProgram {
    let instruction = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    let nothing = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
    vec![
        // The number of the system call.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K, 2, 0, LAST_KNOWN),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0, libc::SYS_clone3 as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, nothing),
    ]
}

impl Denied {
    /// Denies system calls, whatever their arguments.
    fn always(&mut self, calls: &[libc::c_long]) {
        for call in calls {
            self.0.insert(*call, Vec::new());
        }
    }

    /// Denies a system call where an argument is so; one that is denied always stays so.
    fn when(&mut self, call: libc::c_long, argument: u8, width: Width, is: Is, value: u64) {
        self.when_all(call, vec![(argument, width, is, value)]);
    }

    fn when_all(&mut self, call: libc::c_long, conditions: Vec<(u8, Width, Is, u64)>) {
        let conditions: Result<Vec<_>, _> = conditions
            .into_iter()
            .map(|(argument, width, is, value)| SeccompCondition::new(argument, width, is, value))
            .collect();
        let rule = conditions.and_then(SeccompRule::new);
        match (rule, self.0.get_mut(&call)) {
            (Ok(rule), None) => {
                self.0.insert(call, vec![rule]);
            }
            (Ok(rule), Some(rules)) if !rules.is_empty() => rules.push(rule),
            // A condition that cannot be asked for is one that always holds.
            (Err(_), _) => self.always(&[call]),
            (Ok(_), Some(_)) => {}
        }
    }

    /// Denies a system call unless an argument's low four bits are one of these.
    fn unless_low_bits(&mut self, call: libc::c_long, argument: u8, allowed: &[libc::c_int]) {
        let low = 0..16_u64;
        for value in low.filter(|value| allowed.iter().all(|allowed| *allowed as u64 != *value)) {
            self.when(call, argument, Width::Dword, Is::MaskedEq(15), value);
        }
    }

    /// Denies a system call unless an argument is one of these.
    fn unless(&mut self, call: libc::c_long, argument: u8, allowed: &[libc::c_int]) {
        let conditions = allowed.iter().map(|allowed| (argument, Width::Dword, Is::Ne, u64::from(*allowed as u32)));
        self.when_all(call, conditions.collect());
    }

    /// Denies a system call if an argument has any of these bits.
    fn when_any_bit(&mut self, call: libc::c_long, argument: u8, bits: &[libc::c_int]) {
        for bit in bits {
            let bit = u64::from(*bit as u32);
            self.when(call, argument, Width::Qword, Is::MaskedEq(bit), bit);
        }
    }
}
