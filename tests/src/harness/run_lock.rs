//! A lock that all test processes of a run share: some of them run at the same time, on one stack.

use std::fs::File;
use std::path::PathBuf;
use tokio::sync::{Mutex, MutexGuard};

pub struct RunLock {
    name: &'static str,
    of_this_process: Mutex<()>,
}

/// Holds the lock until it is dropped.
pub struct RunLockGuard<'a> {
    _of_this_process: MutexGuard<'a, ()>,
    _file: File,
}

impl RunLock {
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, of_this_process: Mutex::const_new(()) }
    }

    /// Waits until no test holds it.
    pub async fn lock(&self) -> RunLockGuard<'_> {
        let of_this_process = self.of_this_process.lock().await;
        let log = PathBuf::from(std::env::var_os("STACK_LOG").expect("the stack is up"));
        let file = File::create(log.with_file_name(format!("{}.lock", self.name))).expect("a file of the run");
        let locking = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
        let file = locking.await.expect("no panic").expect("the file is locked");
        RunLockGuard { _of_this_process: of_this_process, _file: file }
    }
}
