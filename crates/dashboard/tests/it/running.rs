//! Running a program with an end.

use std::{
    process::Command,
    time::{Duration, Instant},
};

#[expect(dead_code, reason = "the build script uses all of it, and these tests one function")]
#[path = "../../build/node.rs"]
mod node;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn a_program_that_never_ends_is_ended() {
    let log =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ended-{}.log", std::process::id()));
    let started = Instant::now();
    let ended = node::run(shell("echo begun; exec sleep 60"), &log, Duration::from_secs(1)).unwrap_err();
    assert!(ended.contains("took longer than 1 s") && ended.contains("begun"), "{ended}");
    // One that doesn't listen, with a child that keeps its output open.
    let deaf = shell("trap '' TERM; sleep 60 & wait; sleep 60");
    node::run(deaf, &log, Duration::from_secs(1)).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let failed = node::run(shell("echo why >&2; exit 3"), &log, Duration::from_secs(9)).unwrap_err();
    assert!(failed.contains("exit status: 3") && failed.contains("why"), "{failed}");
    assert_eq!(node::run(shell("echo fine"), &log, Duration::from_secs(9)).unwrap(), "fine\n");
    std::fs::remove_file(log).unwrap();
}
