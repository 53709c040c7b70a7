//! Whom the server runs as when we are root: Postgres refuses to be root, and rightly so.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use super::error::Error;

/// In this order: the user that Postgres packages make, then the one that every system has.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// A user without privileges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// The best candidate in the text of `/etc/passwd`.
    pub(super) fn unprivileged(passwd: &str) -> Option<Account> {
        CANDIDATES
            .iter()
            .find_map(|name| entries(passwd).find(|account| account.name == *name && account.uid != 0))
    }

    /// Who owns an existing data directory stays its user, even if a better candidate has appeared since.
    pub(super) fn owner_of(metadata: &Metadata, passwd: &str) -> Option<Account> {
        let uid = metadata.uid();
        if uid == 0 {
            return None;
        }
        let unnamed = || Account { name: format!("#{uid}"), uid, gid: metadata.gid() };
        Some(entries(passwd).find(|account| account.uid == uid).unwrap_or_else(unnamed))
    }

    /// The first directory above `path` that this user may not pass, if there is one.
    pub(super) fn barrier(&self, path: &Path) -> Option<PathBuf> {
        let resolved = path.canonicalize();
        let above = match &resolved {
            Ok(resolved) => resolved.parent()?.to_owned(),
            Err(_) => path.ancestors().skip(1).find_map(|ancestor| ancestor.canonicalize().ok())?,
        };
        let shut = |directory: &&Path| directory.metadata().is_ok_and(|metadata| !self.may_pass(&metadata));
        above.ancestors().find(shut).map(Path::to_owned)
    }

    fn may_pass(&self, directory: &Metadata) -> bool {
        let bit = match (directory.uid() == self.uid, directory.gid() == self.gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        directory.mode() & bit != 0
    }

    /// Makes this user the owner.
    pub(super) fn take(&self, path: &Path) -> Result<(), Error> {
        chown(path, Some(self.uid), Some(self.gid)).map_err(Error::file("change the owner of", path))
    }
}

fn entries(passwd: &str) -> impl Iterator<Item = Account> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { name, uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbroken\nnobody:x:65534:65534::/:/bin/false\n";

    #[test]
    fn postgres_is_preferred_to_nobody_and_root_is_never_taken() {
        assert_eq!(Account::unprivileged(PASSWD).unwrap().name, "nobody");
        let with_postgres = format!("{PASSWD}postgres:x:101:104::/var/lib/postgresql:/bin/bash\n");
        let expected = Account { name: "postgres".into(), uid: 101, gid: 104 };
        assert_eq!(Account::unprivileged(&with_postgres), Some(expected));
        assert_eq!(Account::unprivileged("postgres:x:0:0::/:/bin/sh\n"), None);
        assert_eq!(Account::unprivileged(""), None);
    }
}
