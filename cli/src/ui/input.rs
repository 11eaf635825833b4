//! Files named on the command line; `-` is standard input.

use crate::error::CliError;
use std::io::Read;
use std::path::Path;

/// No route accepts more.
const MAX_BYTES: u64 = 10_000_000;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    read_limited(MAX_BYTES, path)
}

pub(crate) fn read_limited(maximum_bytes: u64, path: &Path) -> Result<Vec<u8>, CliError> {
    let unreadable = |error: std::io::Error| CliError::Usage(format!("{} cannot be read: {error}", display_name(path)));
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(unreadable)?)
    };
    let mut bytes = Vec::new();
    source.take(maximum_bytes + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > maximum_bytes {
        return Err(CliError::Usage(format!("{} has more than {maximum_bytes} bytes", display_name(path))));
    }
    Ok(bytes)
}

pub(crate) fn display_name(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}
