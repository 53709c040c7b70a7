//! Folders as a whole: emptied, copied, mirrored.

use std::{fs, io, path::Path};

/// Makes a folder that has nothing in it.
pub(crate) fn empty(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}

/// Copies what a folder has, as far as its name is wanted. Contents only: a read-only source makes no read-only copy, which
/// couldn't be replaced later.
pub(crate) fn copy(from: &Path, to: &Path, is_wanted: impl Fn(&str) -> bool + Copy) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if !is_wanted(&name.to_string_lossy()) {
            continue;
        }
        let (path, target) = (entry.path(), to.join(&name));
        if path.is_dir() {
            copy(&path, &target, is_wanted)?;
        } else {
            fs::write(target, fs::read(path)?)?;
        }
    }
    Ok(())
}

/// Makes one folder like another, but leaves alone what stands in it under one name.
pub(crate) fn mirror(from: &Path, to: &Path, kept: &str) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if entry.file_name() == kept {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    copy(from, to, |name| name != kept)
}
