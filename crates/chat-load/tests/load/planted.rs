//! The checker is proved: each of eight bugs that are planted in the server is caught, by the rule that it breaks.
//! `cargo test -p chat-load --features planted --test load planted` runs it, which takes minutes; it builds the server a second time, with the bugs.

use std::process::Command;
use std::sync::OnceLock;

use super::{build, folder, run_with};

const FAULTS: [&str; 18] = [
    "--acked",
    "20000",
    "--rooms",
    "2",
    "--kills",
    "8",
    "--cuts",
    "25",
    "--stalls",
    "15",
    "--client-kills",
    "10",
    "--stops",
    "2",
    "--writers",
    "16",
    "--readers",
    "8",
];

/// One of these rules has to be among those that were found broken.
fn check_caught(bug: &str, rules: &[&str]) {
    static SERVER: OnceLock<std::path::PathBuf> = OnceLock::new();
    let server = SERVER.get_or_init(|| build(&["--features", "planted-bugs"], &folder().join("planted-bugs")));
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-load"));
    command.arg("verify").args(FAULTS).arg("--program").arg(server).env("CHAT_PLANTED_BUG", bug);
    let (found, code) = run_with(&mut command);
    if rules.is_empty() {
        assert_eq!(code, 0, "{found}");
    } else {
        assert_eq!(code, 1, "{bug} was not caught: {found}");
        assert!(
            rules.iter().any(|rule| found["by_rule"][rule].is_u64()),
            "{bug} was caught for something else: {found}"
        );
    }
}

macro_rules! planted {
    ($($test:ident: $bug:literal, $rules:expr;)*) => {$(
        #[test]
        fn $test() {
            check_caught($bug, &$rules);
        }
    )*};
}

planted! {
    nothing_planted_nothing_found: "none", [];
    an_ack_before_the_commit: "ack-before-commit", ["AckedLost"];
    dedupe_only_in_memory: "forgetful-dedupe", ["Twice"];
    resume_off_by_one: "resume-off-by-one", ["ReaderMissed"];
    a_lag_swallowed: "lag-swallowed", ["ReaderMissed"];
    a_hole_at_the_seam_of_replay_and_live: "hole-at-seam", ["ReaderMissed"];
    an_unended_tail_carried_out: "unended-tail", ["Unended"];
    the_log_cut_too_far_at_recovery: "log-cut", ["AckedLost"];
    a_reused_id_accepted: "reused-id", ["ReusedId"];
}
