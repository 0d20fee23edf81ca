//! The door a child closes behind itself, from the inside and for good.
//!
//! Layers, in order: no new privileges; Landlock on every file and TCP right, none granted; a network namespace
//! of its own where the kernel allows one; no capabilities; seccomp. Landlock and seccomp overlap on purpose: on
//! a kernel without Landlock, opening files still fails.
//!
//! Everything a graph needs from the file system must be loaded before.

mod attempts;
mod filter;

use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, Ruleset, RulesetAttr,
    RulesetError, RulesetStatus, Scope,
};
use pipeline_wire::DoorReport;
use rustix::process::{Resource, getrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags, set_capabilities, set_no_new_privs};

pub use attempts::{Attempt, attempts};

/// The door could not be closed; nothing hostile may be touched.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Landlock and namespaces hold only the calling thread and those it starts later.
    #[error("{0} threads run already; the door must be closed by the only one")]
    Threads(usize),
    /// A layer that every supported kernel has refused.
    #[error("{layer}: {reason}")]
    Layer {
        /// Which.
        layer: &'static str,
        /// What it said.
        reason: String,
    },
}

fn layer(layer: &'static str) -> impl Fn(String) -> DoorError {
    move |reason| DoorError::Layer { layer, reason }
}

/// Closes the door on the whole process, which must still be single-threaded.
///
/// # Errors
/// When there are other threads, or a layer that must hold does not. Layers a kernel may lack are named in the
/// report instead.
pub fn close() -> Result<DoorReport, DoorError> {
    let threads = threads().map_err(|error| layer("threads")(error.to_string()))?;
    if threads != 1 {
        return Err(DoorError::Threads(threads));
    }
    set_no_new_privs(true).map_err(|error| layer("no_new_privs")(error.to_string()))?;
    let mut report = DoorReport { no_new_privs: true, memory_max: memory_max(), ..DoorReport::default() };
    if report.memory_max == 0 {
        report.missing.push("no limit on memory".into());
    }
    restrict_files(&mut report)?;
    leave_network(&mut report);
    drop_capabilities()?;
    filter::load().map_err(|error| layer("seccomp")(error.to_string()))?;
    report.seccomp = true;
    Ok(report)
}

fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

fn memory_max() -> u64 {
    getrlimit(Resource::Data).current.unwrap_or(0)
}

fn restrict_files(report: &mut DoorReport) -> Result<(), DoorError> {
    let status = landlock_all().map_err(|error| layer("landlock")(error.to_string()))?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } if status.ruleset != RulesetStatus::NotEnforced => {
            report.landlock_abi = effective_abi as u8;
            if status.ruleset == RulesetStatus::PartiallyEnforced {
                report.missing.push(format!("Landlock has only ABI {}", effective_abi as u8));
            }
        }
        LandlockStatus::NotEnabled => report.missing.push("Landlock is not enabled in this kernel".into()),
        _ => report.missing.push("this kernel has no Landlock".into()),
    }
    Ok(())
}

fn landlock_all() -> Result<landlock::RestrictionStatus, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V5))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .restrict_self()
}

/// An empty network namespace: directly with the privilege, else inside a user namespace.
fn leave_network(report: &mut DoorReport) {
    let alone = UnshareFlags::NEWNET;
    report.network_namespace = unshare(alone).is_ok() || unshare(alone | UnshareFlags::NEWUSER).is_ok();
    if !report.network_namespace {
        report.missing.push("no network namespace is allowed".into());
    }
}

#[expect(unsafe_code, reason = "rustix marks unshare unsafe for the sake of UnshareFlags::FILES")]
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES), "descriptors stay shared");
    // SAFETY: without FILES, no thread loses sight of a descriptor.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// Neither root's own capabilities nor those that a new user namespace brings.
fn drop_capabilities() -> Result<(), DoorError> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, sets).map_err(|error| layer("capabilities")(error.to_string()))
}
