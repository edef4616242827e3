//! What the code under test cannot open: `/proc`, and in it the memory of its own process and of its supervisor.
//!
//! The verdict's nonce has to be in the subject's memory, where safe Rust cannot look, except through `/proc/self/mem`, which is a
//! file like any other. So the thread in which the code under test runs, and whatever it starts, loses the right to open files
//! there (Landlock, from Linux 5.13 on). Where the kernel has no Landlock, the process is at least marked as one whose memory
//! is nobody's business (`PR_SET_DUMPABLE`), which root may ignore. On other systems there is nothing of the kind.
//!
//! This is not a sandbox: everything else can be read, written and started as before.

#[cfg(target_os = "linux")]
use std::fs;

#[cfg(target_os = "linux")]
use landlock::{AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, path_beneath_rules};
#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Takes the right away from this thread and all that it starts, as far as the system can.
pub(super) fn confine() {
    #[cfg(target_os = "linux")]
    {
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        let _ = leave_out_proc();
    }
}

#[cfg(target_os = "linux")]
fn leave_out_proc() -> Result<(), RulesetError> {
    // To move files between folders has to be allowed by name, or it is forbidden.
    let rights = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Refer;
    let entries = fs::read_dir("/").into_iter().flatten().flatten().map(|entry| entry.path());
    let all_but_proc = entries.filter(|path| path.as_os_str() != "/proc");
    Ruleset::default()
        .handle_access(rights)?
        .create()?
        .add_rules(path_beneath_rules(all_but_proc, rights))?
        .restrict_self()
        .map(drop)
}
