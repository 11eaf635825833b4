//! Where the measured functions are: this build, and one of an earlier commit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Built functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// What the tables call it.
    pub name: String,
    folder: PathBuf,
}

impl Build {
    /// The functions that were built together with this program.
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

    /// The functions of an earlier commit, built with optimisation. What was built of it stays in the target folder.
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

    /// The function of this name, if the build has it.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.join(name)).filter(|path| path.exists())
    }
}

/// The commit that is checked out, where this is a checkout, and whether there are changes besides.
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

/// A commit's files; they are removed when this is dropped.
struct Source(PathBuf);

impl Source {
    fn unpack(root: &Path, target: &Path, commit: &str) -> Self {
        let (folder, archive) = (target.join("source"), target.join("source.tar"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        run(git(root).args(["archive", "--output"]).arg(&archive).arg(commit));
        // As new as they are here: cargo goes by that, and another commit may have been built last time.
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

/// A target folder of earlier commits' own, as cargo takes the same crate of two commits for one. It begins with a copy
/// of what the present build has made, so that other people's crates are not compiled again.
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
