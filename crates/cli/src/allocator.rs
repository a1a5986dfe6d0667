//! How the allocator gives memory back.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use mimalloc::MiMalloc;

/// What a request takes on one thread is given back on another. With the allocator of the C library a read cost
/// 43 µs of processor at one time and 66 at another.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// After how many milliseconds the system gets back what nobody uses. The allocator's own answer is 1,000, and it
/// looks only when something else is freed: an idle server keeps 3 MiB, an import 50.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Has the allocator give memory back at once, unless the environment says something else
/// ([decision 0015](../../../docs/decisions/0015-memory-is-given-back-at-once.md)). It reads its settings once, before
/// anything of ours runs: so this process becomes the same program with the setting made. When it cannot, it
/// goes on as it is, and ends when the reader of its log has gone: trying resets what a broken pipe does.
pub(crate) fn give_back_at_once() {
    if env::var_os(PURGE_DELAY).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut again = Command::new(program);
    let mut arguments = env::args_os();
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // Comes back only when it failed.
    let _ = again.args(arguments).env(PURGE_DELAY, "0").exec();
}
