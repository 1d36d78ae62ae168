//! The checker is proved: each of eight bugs that are planted in the server is caught, by the rule that it breaks.
//! `cargo test -p chat-load --features planted --test load planted` runs it, which takes a minute or two; the server is
//! built a second time for it, with the bugs.

use std::process::Command;
use std::sync::OnceLock;

use super::{build, folder, run_with};

/// Everything that breaks connections.
#[rustfmt::skip]
const BREAKS: [&str; 20] = [
    "--seed", "1", "--rooms", "2", "--writers", "12", "--readers", "6",
    "--acked", "8000", "--kills", "6", "--cuts", "20", "--stalls", "5", "--client-kills", "8", "--stops", "1",
];

/// Stalls that nothing breaks, so that some last until the server has forgotten what was said meanwhile.
#[rustfmt::skip]
const STALLS: [&str; 20] = [
    "--seed", "1", "--rooms", "1", "--writers", "8", "--readers", "8",
    "--acked", "6000", "--kills", "0", "--cuts", "0", "--stalls", "8", "--client-kills", "0", "--stops", "0",
];

/// One of these rules has to be among those that were found broken.
fn check_caught(bug: &str, faults: &[&str], rules: &[&str]) {
    static SERVER: OnceLock<std::path::PathBuf> = OnceLock::new();
    let server = SERVER.get_or_init(|| build(&["--features", "planted-bugs"], &folder().join("planted-bugs")));
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-load"));
    command.arg("verify").args(faults).arg("--program").arg(server).env("CHAT_PLANTED_BUG", bug);
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
    ($($test:ident: $bug:literal, $faults:ident, $rules:expr;)*) => {$(
        #[test]
        fn $test() {
            check_caught($bug, &$faults, &$rules);
        }
    )*};
}

planted! {
    nothing_planted_nothing_found: "none", BREAKS, [];
    nothing_found_where_stalls_end_in_a_lag: "none", STALLS, [];
    an_ack_before_the_commit: "ack-before-commit", BREAKS, ["AckedLost"];
    dedupe_only_in_memory: "forgetful-dedupe", BREAKS, ["Twice"];
    resume_off_by_one: "resume-off-by-one", BREAKS, ["ReaderMissed"];
    a_lag_swallowed: "lag-swallowed", STALLS, ["ReaderMissed"];
    a_hole_at_the_seam_of_replay_and_live: "hole-at-seam", BREAKS, ["ReaderMissed"];
    an_unended_tail_carried_out: "unended-tail", BREAKS, ["Unended"];
    the_log_cut_too_far_at_recovery: "log-cut", BREAKS, ["AckedLost"];
    a_reused_id_accepted: "reused-id", BREAKS, ["ReusedId"];
}
