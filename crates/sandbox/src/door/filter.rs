//! The system calls a child may not make.
//!
//! A list of what is refused, not of what is allowed: codecs and the C library call many things, and what is
//! left without files, sockets, processes and other processes' memory is computing. Refused calls fail with
//! EPERM, which libraries survive; `clone3` fails with ENOSYS, so that the C library falls back to `clone`, whose
//! flags can be looked at.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Loads the filter on the calling thread; later threads inherit it.
pub(super) fn load() -> Result<(), seccompiler::Error> {
    // The second program may still be loaded after the first: seccomp itself is not refused.
    apply_filter(&program(refused(std::process::id())?, libc::EPERM)?)?;
    apply_filter(&program(Rules::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?)
}

fn program(rules: Rules, errno: i32) -> Result<BpfProgram, BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let action = SeccompAction::Errno(errno.cast_unsigned());
    SeccompFilter::new(with_other_abi(rules), SeccompAction::Allow, action, arch)?.try_into()
}

/// Whole calls, whatever their arguments.
const REFUSED: &[i64] = &[
    // Files. What is open stays readable.
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_symlinkat,
    libc::SYS_linkat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_truncate,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_chroot,
    libc::SYS_inotify_init1,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_acct,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_flock,
    libc::SYS_copy_file_range,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    // Sockets. The one to the parent is connected already.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Programs and other processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_setpgid,
    libc::SYS_setsid,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Wide or rarely audited doors into the kernel.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_setup,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_vmsplice,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_personality,
    // System V and POSIX message passing, shared with every process of the user.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    // Identities.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capset,
];

/// Old forms of the same, on the architecture that still has them.
#[cfg(target_arch = "x86_64")]
const REFUSED_OLD: &[i64] = &[
    libc::SYS_open,
    libc::SYS_creat,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_mknod,
    libc::SYS_symlink,
    libc::SYS_link,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_inotify_init,
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OLD: &[i64] = &[libc::SYS_renameat];

fn refused(own: u32) -> Result<Rules, BackendError> {
    let mut rules: Rules = REFUSED.iter().chain(REFUSED_OLD).map(|call| (*call, Vec::new())).collect();
    let own = u64::from(own);
    let mut refuse_if = |call, argument, op, value| -> Result<(), BackendError> {
        let condition = SeccompCondition::new(argument, Len::Dword, op, value)?;
        rules.entry(call).or_default().push(SeccompRule::new(vec![condition])?);
        Ok(())
    };
    // A pair of our own connects nowhere; other families have no pairs worth having.
    refuse_if(libc::SYS_socketpair, 0, Op::Ne, libc::AF_UNIX as u64)?;
    // Threads yes, processes no.
    refuse_if(libc::SYS_clone, 0, Op::MaskedEq(libc::CLONE_THREAD as u64), 0)?;
    // abort() and raise() signal the process itself; nobody else may be signalled.
    refuse_if(libc::SYS_kill, 0, Op::Ne, own)?;
    refuse_if(libc::SYS_tgkill, 0, Op::Ne, own)?;
    // Own limits may be read; nobody's may be set.
    refuse_if(libc::SYS_prlimit64, 0, Op::Ne, 0)?;
    // TIOCSTI and TIOCLINUX type on a terminal that stderr may be.
    refuse_if(libc::SYS_ioctl, 1, Op::Eq, libc::TIOCSTI)?;
    refuse_if(libc::SYS_ioctl, 1, Op::Eq, libc::TIOCLINUX)?;
    Ok(rules)
}

/// The x32 ABI numbers the same calls with bit 30 set and reports the same architecture; its own block of calls
/// starts at 512.
#[cfg(target_arch = "x86_64")]
fn with_other_abi(rules: Rules) -> Rules {
    const X32: i64 = 0x4000_0000;
    let twins: Rules = rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
    let own = (512..=547).map(|call| (call | X32, Vec::new()));
    rules.into_iter().chain(twins).chain(own).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn with_other_abi(rules: Rules) -> Rules {
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_compiles_and_is_within_the_kernel_limit() {
        let program = program(refused(1).expect("rules"), libc::EPERM).expect("program");
        assert!(program.len() < 4096, "{}", program.len());
    }

    #[test]
    fn no_call_is_listed_twice() {
        let mut all: Vec<i64> = REFUSED.iter().chain(REFUSED_OLD).copied().collect();
        let len = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), len);
    }
}
