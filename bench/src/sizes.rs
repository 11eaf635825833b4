//! What a function is before it runs, and how often it reads its certificate roots.

use crate::operations::Operation;
use crate::process::Function;
use crate::stubs::Stubs;
use crate::usage;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Certificates that Debian and its derivatives have; the probe takes the first one.
const SYSTEM_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The size of the probe's bundle: far more than a function reads besides.
const BUNDLE_BYTES: u64 = 1024 * 1024;

/// What a zip file has besides one compressed file named `bootstrap`, less what gzip has.
const ZIP_FRAME_BYTES: u64 = (30 + 9) + (46 + 9) + 22 - 18;

/// The size of `program`, in bytes.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn binary(program: &Path) -> u64 {
    fs::metadata(program).unwrap_or_else(|error| panic!("{}: {error}", program.display())).len()
}

/// The size of a zip file with `program` in it: deflate at its usual level, as `cargo lambda build --output-format zip`
/// and `sam package` have it, give or take a percent.
///
/// # Panics
/// If there is no gzip.
#[must_use]
pub fn zip(program: &Path) -> u64 {
    let compressed = Command::new("gzip").args(["-6", "-n", "-c"]).arg(program).output().expect("gzip runs");
    compressed.stdout.len() as u64 + ZIP_FRAME_BYTES
}

/// How often the function reads the file of certificate roots: until it asks for the first event, and until it has
/// answered it. None where the machine has no certificates.
///
/// # Panics
/// If the function fails.
#[must_use]
pub fn root_loads(program: &Path, operation: &Operation) -> Option<[u64; 2]> {
    let bundle = Bundle::new()?;
    let stubs = Stubs::start();
    let path = bundle.0.to_str()?;
    let mut function = Function::start(program, operation.function, &stubs, &[("SSL_CERT_FILE", path)]);
    let loads = |function: &Function| (usage::bytes_read(function.pid()) + BUNDLE_BYTES / 2) / BUNDLE_BYTES;
    function.ready();
    let at_start = loads(&function);
    function.send(operation.event(0));
    operation.check(&function.answer().body);
    Some([at_start, loads(&function)])
}

/// A file with one certificate; it is removed when this is dropped.
struct Bundle(PathBuf);

impl Bundle {
    fn new() -> Option<Self> {
        const END: &str = "-----END CERTIFICATE-----\n";
        let bundle = fs::read_to_string(SYSTEM_BUNDLE).ok()?;
        let (first, _) = bundle.split_once(END)?;
        let certificate = format!("{first}{END}");
        let padding = "# nothing\n".repeat((BUNDLE_BYTES as usize - certificate.len()) / "# nothing\n".len());
        let path = std::env::temp_dir().join(format!("patchbay-bench-{}.pem", std::process::id()));
        fs::write(&path, format!("{padding}{certificate}")).ok()?;
        Some(Self(path))
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
