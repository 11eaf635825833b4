//! The builds to measure: the current one, and one of an earlier commit.

use crate::operations::ALL;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Built functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The name in the tables.
    pub name: String,
    folder: PathBuf,
}

impl Build {
    /// The functions next to this program.
    ///
    /// # Panics
    /// If the program has no path.
    #[must_use]
    pub fn current() -> Self {
        let own = std::env::current_exe().expect("a program has a path");
        // Tests are in target/<profile>/deps, and programs in the folder above.
        let folder = own.ancestors().skip(1).find(|folder| !folder.ends_with("deps")).unwrap_or(&own);
        Self { name: "now".to_owned(), folder: folder.to_owned() }
    }

    /// A release build of the functions of an earlier commit. It is kept in the target folder.
    ///
    /// # Panics
    /// If there is no such commit, or it cannot be built.
    #[must_use]
    pub fn of_commit(reference: &str) -> Self {
        let root = root();
        let commit = output(git(&root).args(["rev-parse", "--verify", &format!("{reference}^{{commit}}")]));
        let commit = commit.trim();
        let target = root.join("target/bench");
        let folder = target.join(commit);
        if !folder.exists() {
            let source = Source::unpack(&root, &target, commit);
            let build = build_folder(&root, &target);
            let functions = source.functions();
            let packages = functions.iter().flat_map(|function| ["--package", function]);
            run(Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
                .args(["build", "--release", "--locked"])
                .args(packages)
                .env("CARGO_TARGET_DIR", &build)
                .current_dir(&source.0));
            let unfinished = target.join("functions.part");
            let _ = fs::remove_dir_all(&unfinished);
            fs::create_dir_all(&unfinished).expect("a folder");
            for function in &functions {
                fs::copy(build.join("release").join(function), unfinished.join(function)).expect("a built function");
            }
            fs::rename(&unfinished, &folder).expect("a folder");
        }
        Self { name: commit.chars().take(12).collect(), folder }
    }

    /// A new copy of these functions. A program starts faster or slower depending on how its file was written, so builds are
    /// only comparable when all their files were written in the same way.
    ///
    /// # Panics
    /// If they cannot be copied.
    #[must_use]
    pub fn copied(&self) -> Self {
        let folder = root().join("target/bench/measured").join(&self.name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        for name in ALL.map(|operation| operation.function) {
            if let Some(function) = self.function(name).filter(|_| !folder.join(name).exists()) {
                fs::copy(function, folder.join(name)).expect("a copy");
            }
        }
        Self { name: self.name.clone(), folder }
    }

    /// The function of this name, if the build has it.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.join(name)).filter(|path| path.exists())
    }
}

/// The commit that is checked out, and whether there are uncommitted changes. None outside a checkout.
#[must_use]
pub fn commit() -> Option<String> {
    let described =
        git(&root()).args(["describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]).output().ok()?;
    described.status.success().then(|| String::from_utf8_lossy(&described.stdout).trim().to_owned())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/")).to_owned()
}

fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(root);
    command
}

fn output(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.ok().filter(|output| output.status.success());
    let output = output.unwrap_or_else(|| panic!("{command:?} failed"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// # Panics
/// If the command fails.
fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{command:?} failed");
}

/// The files of a commit, removed on drop.
struct Source(PathBuf);

impl Source {
    fn unpack(root: &Path, target: &Path, commit: &str) -> Self {
        let (folder, archive) = (target.join("source"), target.join("source.tar"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        run(git(root).args(["archive", "--output"]).arg(&archive).arg(commit));
        // Cargo compares modification times, and the last build may have been of another commit.
        run(Command::new("tar").args(["--extract", "--touch", "--file"]).arg(&archive).arg("--directory").arg(&folder));
        let _ = fs::remove_file(&archive);
        Self(folder)
    }

    fn functions(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.join("functions")).expect("the commit has functions");
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A separate target folder for earlier commits, because cargo cannot tell the same crate of two commits apart. It starts as a
/// copy of the current one, so that dependencies are not compiled again.
fn build_folder(root: &Path, target: &Path) -> PathBuf {
    let (folder, unfinished) = (target.join("build"), target.join("build.part"));
    let built = root.join("target/release");
    if !folder.exists() && built.exists() {
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir_all(unfinished.join("release")).expect("a folder");
        for part in ["build", "deps", ".fingerprint"] {
            run(Command::new("cp").arg("-a").arg(built.join(part)).arg(unfinished.join("release")));
        }
        fs::rename(&unfinished, &folder).expect("a folder");
    }
    folder
}
