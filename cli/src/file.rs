//! Files that are named on the command line.

use crate::failure::Failure;
use std::io::Read;
use std::path::Path;

/// More than this no route takes.
const MAXIMUM_BYTES: u64 = 10_000_000;

/// Reads a file; `-` is the standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_at_most(MAXIMUM_BYTES, path)
}

/// Reads a file that may have so many bytes; `-` is the standard input.
pub(crate) fn read_at_most(maximum_bytes: u64, path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: std::io::Error| Failure::Usage(format!("{} cannot be read: {error}", called(path)));
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(unreadable)?)
    };
    let mut bytes = Vec::new();
    source.take(maximum_bytes + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > maximum_bytes {
        return Err(Failure::Usage(format!("{} has more than {maximum_bytes} bytes", called(path))));
    }
    Ok(bytes)
}

/// What a file is called where something is said of it.
pub(crate) fn called(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}
