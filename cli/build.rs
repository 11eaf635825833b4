//! Sets `PATCHBAY_VERSION`: the version, with the commit as SemVer's build metadata if it is known. It is
//! `PATCHBAY_COMMIT`, or that of the git checkout.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATCHBAY_COMMIT");
    let commit = env::var("PATCHBAY_COMMIT").ok().or_else(checked_out_commit).filter(|commit| !commit.is_empty());
    let commit = commit.map(|commit| format!("+{commit}")).unwrap_or_default();
    println!("cargo::rustc-env=PATCHBAY_VERSION={}{commit}", env!("CARGO_PKG_VERSION"));
}

fn checked_out_commit() -> Option<String> {
    // Not the commit of another repository, into which an archive of this one was unpacked.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
