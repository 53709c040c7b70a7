//! How many files and sockets the process may have open. Engines and supervisors start processes with a low soft limit
//! and a high hard one, for the sake of old programs; a hub with a socket for each client needs the high one.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, and says what it is then; nothing if there is none.
pub(crate) fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    // macOS allows less than its hard limit says: then it stays as it was.
    if setrlimit(Resource::Nofile, limit).is_err() { before } else { limit.current }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_is_used() {
        let raised = raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert_eq!(raised, limit.maximum);
    }
}
