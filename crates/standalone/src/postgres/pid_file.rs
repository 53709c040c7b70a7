//! `postmaster.pid`: what a running server says of itself, in the data directory, line by line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::Pid;

use super::error::Error;

/// The file's name in the data directory.
const NAME: &str = "postmaster.pid";

/// The lines that matter to us; the server writes the file in steps, so the later ones may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: Pid,
    pub(super) port: Option<u16>,
    /// The server has finished recovery and accepts connections.
    pub(super) ready: bool,
}

impl PidFile {
    pub(super) fn path(data: &Path) -> PathBuf {
        data.join(NAME)
    }

    /// `None` if there is no such file or no process id in it yet.
    pub(super) fn read(data: &Path) -> Result<Option<PidFile>, Error> {
        let path = PidFile::path(data);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(PidFile::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", &path)(error)),
        }
    }

    /// Line 1 is the process, line 4 the port, line 8 the state, padded with blanks.
    fn parse(text: &str) -> Option<PidFile> {
        let mut lines = text.lines();
        // A negative number stands for a single-user backend; its process is the number without the sign.
        let number = lines.next()?.trim().parse::<i32>().ok()?.checked_abs()?;
        let pid = Pid::from_raw(number)?;
        let port = lines.nth(2).and_then(|line| line.trim().parse().ok());
        let ready = lines.nth(3).is_some_and(|line| line.trim() == "ready");
        Some(PidFile { pid, port, ready })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_only_when_its_eighth_line_says_so() {
        let ready = "4711\n/data\n1790000000\n40001\n\n127.0.0.1\n 123 4\nready   \n";
        let pid = Pid::from_raw(4711).unwrap();
        assert_eq!(PidFile::parse(ready), Some(PidFile { pid, port: Some(40001), ready: true }));
        let starting = ready.replace("ready   ", "starting");
        assert_eq!(PidFile::parse(&starting), Some(PidFile { pid, port: Some(40001), ready: false }));
    }

    #[test]
    fn a_half_written_file_is_no_error() {
        assert_eq!(PidFile::parse(""), None);
        assert_eq!(PidFile::parse("47x"), None);
        assert_eq!(PidFile::parse("0\n"), None);
        let begun = PidFile::parse("4711\n/data\n").unwrap();
        assert_eq!((begun.port, begun.ready), (None, false));
    }
}
