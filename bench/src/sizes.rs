//! The size of a function, and how many times it reads its certificate roots.

use crate::operations::Operation;
use crate::process::Function;
use crate::stubs::Stubs;
use crate::tls::{Bundle, system_roots};
use crate::usage;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The size of the probe's bundle: far more than everything else that a function reads.
const BUNDLE_BYTES: u64 = 1024 * 1024;

/// The headers of a zip file with one entry named `bootstrap`, minus those of gzip.
const ZIP_FRAME_BYTES: u64 = (30 + 9) + (46 + 9) + 22 - 18;

/// The size of `program`, in bytes.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn binary(program: &Path) -> u64 {
    fs::metadata(program).unwrap_or_else(|error| panic!("{}: {error}", program.display())).len()
}

/// The size of a zip file with `program`: deflate at level 6, the default of `cargo lambda build --output-format zip` and of
/// `sam package`, to within about a percent.
///
/// # Panics
/// If there is no gzip.
#[must_use]
pub fn zip(program: &Path) -> u64 {
    let compressed = Command::new("gzip").args(["-6", "-n", "-c"]).arg(program).output().expect("gzip runs");
    compressed.stdout.len() as u64 + ZIP_FRAME_BYTES
}

/// How many times the function reads the file of certificate roots: until it asks for the first event, and until it has
/// responded to it. None if the machine has no certificate roots.
///
/// # Panics
/// If the function fails.
#[must_use]
pub fn root_loads(program: &Path, operation: &Operation) -> Option<[u64; 2]> {
    let bundle = padded_bundle()?;
    let stubs = Stubs::start(None);
    let mut function = Function::start(program, operation.function, &stubs, &[("SSL_CERT_FILE", bundle.path())]);
    let loads = |function: &Function| (usage::bytes_read(function.pid()) + BUNDLE_BYTES / 2) / BUNDLE_BYTES;
    function.ready();
    let at_start = loads(&function);
    function.send(operation.event(0));
    operation.check(&function.answer().body);
    Some([at_start, loads(&function)])
}

/// One of the system's certificates, padded with comment lines.
fn padded_bundle() -> Option<Bundle> {
    const END: &str = "-----END CERTIFICATE-----\n";
    const NOTHING: &str = "# nothing\n";
    let roots = system_roots()?;
    let certificate = roots.get(..roots.find(END)? + END.len())?;
    let padding = NOTHING.repeat((BUNDLE_BYTES as usize - certificate.len()) / NOTHING.len());
    Bundle::new(&(padding + certificate))
}
