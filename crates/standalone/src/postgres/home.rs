//! The directory everything lives in: where it can be, who works in it, and the lock that keeps a second stockwire
//! out of it.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{self, Path, PathBuf};
use std::process;

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;

use super::Options;
use super::account::Account;
use super::error::Error;

/// Who and where, before anything is touched.
struct Place {
    path: PathBuf,
    account: Option<Account>,
}

/// The locked directory.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    account: Option<Account>,
    /// Held, not read: closing the file is what unlocks the directory, a killed process included.
    _lock: File,
}

impl Home {
    /// Makes the directory if it is missing and locks it.
    pub(super) fn open(options: &Options) -> Result<Home, Error> {
        let absolute = |path| path::absolute(path).map_err(Error::file("find the absolute path of", path));
        let requested = absolute(&options.directory)?;
        let Place { path, account } = if geteuid().is_root() {
            place_for_root(requested, &absolute(&options.fallback_directory)?)?
        } else {
            place_for_user(requested)?
        };
        fs::create_dir_all(&path).map_err(Error::file("create", &path))?;
        if account.is_some() {
            let_others_pass(&path)?;
        }
        let lock = lock(&path)?;
        Ok(Home { path, account, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whom the server runs as; `None` is ourselves.
    pub(super) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    pub(super) fn data(&self) -> PathBuf {
        data_of(&self.path)
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.path.join("password")
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// Where fetched binaries are kept: where the options say, unless the server's user could not run them there.
    pub(super) fn fetched_binaries(&self, options: &Options) -> PathBuf {
        let own = self.path.join("binaries");
        let Some(shared) = options.fetched_binaries.as_ref().and_then(|path| path::absolute(path).ok())
        else {
            return own;
        };
        match self.account().and_then(|account| account.barrier(&shared)) {
            Some(_) => own,
            None => shared,
        }
    }
}

fn data_of(directory: &Path) -> PathBuf {
    directory.join("data")
}

fn place_for_user(path: PathBuf) -> Result<Place, Error> {
    let data = data_of(&path);
    match data.metadata() {
        Ok(metadata) if metadata.uid() != geteuid().as_raw() => {
            Err(Error::ForeignData { path: data, owner: metadata.uid() })
        }
        _ => Ok(Place { path, account: None }),
    }
}

/// Existing data decides first, so that neither a `chmod` nor a new user makes it seem to be gone.
fn place_for_root(requested: PathBuf, fallback_directory: &Path) -> Result<Place, Error> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let owner = |path: &Path| {
        let metadata = data_of(path).metadata().ok()?;
        Account::owner_of(&metadata, &passwd)
    };
    if let Some(account) = owner(&requested) {
        return match account.barrier(&requested) {
            None => Ok(Place { path: requested, account: Some(account) }),
            Some(barrier) => Err(Error::Unreachable { account: account.name, path: requested, barrier }),
        };
    }
    let fallback = fallback_directory.join(fallback_name(&requested));
    let existing = owner(&fallback);
    let moved_before = existing.is_some();
    let account = existing.or_else(|| Account::unprivileged(&passwd)).ok_or(Error::NoUnprivilegedAccount)?;
    match account.barrier(&requested) {
        None if !moved_before => Ok(Place { path: requested, account: Some(account) }),
        barrier => {
            tracing::info!(
                postgres.directory = %fallback.display(),
                postgres.requested_directory = %requested.display(),
                postgres.user = account.name,
                barrier = barrier.as_deref().map(|path| tracing::field::display(path.display())),
                "running as root, and postgres' user can't reach the requested directory: its data lives elsewhere"
            );
            fs::create_dir_all(fallback_directory).map_err(Error::file("create", fallback_directory))?;
            let_others_pass(fallback_directory)?;
            if let Some(barrier) = account.barrier(&fallback) {
                return Err(Error::Unreachable { account: account.name, path: fallback, barrier });
            }
            Ok(Place { path: fallback, account: Some(account) })
        }
    }
}

/// A name that people recognise, and a hash because two checkouts may have the same one.
fn fallback_name(requested: &Path) -> String {
    let resolved = requested.canonicalize().unwrap_or_else(|_| requested.to_owned());
    let project =
        resolved.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    // FNV-1a, because the standard library's hash may change with the compiler, and this names people's data.
    let hash =
        resolved.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{project}-{hash:016x}")
}

fn let_others_pass(directory: &Path) -> Result<(), Error> {
    let mode = directory.metadata().map_err(Error::file("look at", directory))?.permissions().mode();
    fs::set_permissions(directory, Permissions::from_mode(mode | 0o011))
        .map_err(Error::file("change the permissions of", directory))
}

/// So often a lock that somebody holds is tried again, with this pause.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join("lock");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(Error::file("open", &path))?;
    let mut attempts = 0;
    while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
        attempts += 1;
        if error != rustix::io::Errno::WOULDBLOCK {
            return Err(Error::file("lock", &path)(error.into()));
        } else if attempts > LOCK_ATTEMPTS {
            return Err(Error::InUse { directory: directory.to_owned(), holder: holder(&mut file) });
        }
        // A program that somebody starts at this moment has a copy of each open file until it runs.
        std::thread::sleep(LOCK_PAUSE);
    }
    sign(&mut file).map_err(Error::file("write", &path))?;
    Ok(file)
}

/// The process that signed the lock, in words; the lock works without it.
fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    match lock.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!(" (process {})", text.trim()),
        _ => String::new(),
    }
}

fn sign(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", process::id())
}
