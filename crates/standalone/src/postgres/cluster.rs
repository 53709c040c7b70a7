//! The data directory: made once by `initdb`, completely or not at all, with a password that nobody chose.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::binaries::Binaries;
use super::error::Error;
use super::home::Home;
use super::program;

/// The role that owns everything; only its password, in a file of ours, opens the door.
pub(super) const SUPERUSER: &str = "postgres";

/// `initdb` takes about a second, and on a slow disk a few.
const INITDB_LIMIT: Duration = Duration::from_secs(120);

/// Data directories in the making; one that is found at a start is what an interruption left.
const INCOMPLETE_PREFIX: &str = "data.incomplete-";

/// The major version that made the data, `None` if there is none yet.
pub(super) fn major(home: &Home) -> Result<Option<u32>, Error> {
    let data = home.data();
    let path = data.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| Error::NotACluster { path: data }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", &path)(error)),
    }
}

/// The password of the cluster in `home`, which is made if there is none.
pub(super) async fn open(home: &Home, binaries: &Binaries) -> Result<String, Error> {
    if major(home)?.is_none() {
        create(home, binaries).await?;
    }
    let path = home.password_file();
    match fs::read_to_string(&path) {
        Ok(password) => Ok(password.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::NoPassword { path }),
        Err(error) => Err(Error::file("read", &path)(error)),
    }
}

async fn create(home: &Home, binaries: &Binaries) -> Result<(), Error> {
    let begun = Instant::now();
    let data = home.data();
    // An empty directory is fine: someone may have prepared it.
    if fs::read_dir(&data).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::NotACluster { path: data });
    }
    remove_incomplete(home.path());
    write_password(home)?;

    let incomplete = home.path().join(format!("{INCOMPLETE_PREFIX}{}", Uuid::new_v4().simple()));
    fs::create_dir(&incomplete).map_err(Error::file("create", &incomplete))?;
    fs::set_permissions(&incomplete, Permissions::from_mode(0o700))
        .map_err(Error::file("change the permissions of", &incomplete))?;
    if let Some(account) = home.account() {
        account.take(&incomplete)?;
    }
    if let Err(source) = initdb(home, binaries, &incomplete).await {
        remove_incomplete(home.path());
        return Err(Error::Initdb { source });
    }
    fs::rename(&incomplete, &data).map_err(Error::file("rename to its final name", &incomplete))?;
    sync_directory(home.path())?;
    tracing::info!(
        postgres.data = %data.display(),
        postgres.version = binaries.version,
        took_ms = begun.elapsed().as_millis() as u64,
        "made a new database cluster"
    );
    Ok(())
}

async fn initdb(home: &Home, binaries: &Binaries, into: &Path) -> Result<String, program::ProgramFailure> {
    let mut command = program::server(&binaries.directory.join("initdb"), home.account());
    command.arg("--pgdata").arg(into).arg("--pwfile").arg(home.password_file()).args([
        "--username",
        SUPERUSER,
        "--encoding=UTF8",
        "--locale=C",
        "--auth=scram-sha-256",
    ]);
    program::run(command, INITDB_LIMIT).await
}

/// 122 random bits. `initdb` reads the file, so it belongs to the server's user.
fn write_password(home: &Home) -> Result<(), Error> {
    let path = home.password_file();
    match fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::file("replace", &path)(error)),
    }
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(Error::file("create", &path))?;
    writeln!(file, "{}", Uuid::new_v4().simple())
        .and_then(|()| file.sync_all())
        .map_err(Error::file("write", &path))?;
    match home.account() {
        Some(account) => account.take(&path),
        None => Ok(()),
    }
}

/// The names must be on the disk, too, or a power cut brings back a half-made state that we said is done.
fn sync_directory(directory: &Path) -> Result<(), Error> {
    File::open(directory).and_then(|file| file.sync_all()).map_err(Error::file("sync", directory))
}

/// Best effort: what stays is only garbage, and the next start tries again.
fn remove_incomplete(home: &Path) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(INCOMPLETE_PREFIX)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(path = %entry.path().display(), source = %error, "could not remove a half-made cluster");
        }
    }
}
