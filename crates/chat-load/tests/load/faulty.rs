//! Servers that do something wrong, and a generator that is held up: what is no result is called so.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::fake::{self, Fake, Fault};
use super::{run_with, server};

/// Messages of a fan-out before anything counts; without them it couldn't be carried out.
const WARM_UP: u64 = 50;

/// A few messages to three members.
const FANOUT: &[&str] = &["fanout", "--members", "3", "--messages", "200"];
const PACED: &[&str] = &["paced", "--members", "3", "--rate", "50", "--seconds", "0.5"];
const CHATTER: &[&str] = &["chatter", "--people", "4", "--seconds", "1"];

fn load(server: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-load"));
    command.args(arguments).args(["--target", "minimal", "--server", &server.to_string()]);
    command
}

/// A run on a server that does one thing wrong is no result, and says what was wrong.
fn check_no_result(arguments: &[&str], fault: Fault, at: u64, words: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("plot.svg");
    let mut command = load(fake::start(fault, at).address, arguments);
    let output = command.arg("--plot").arg(&picture).output().expect("it runs");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains(&format!("\n  NO RESULT: {words}\n")), "{shown}");
    assert!(!picture.exists(), "what is no result is no picture");
}

#[test]
fn what_never_comes_in_a_fanout_and_at_a_rate() {
    // Ten seconds each, in which nothing happens; so both at once.
    std::thread::scope(|both| {
        both.spawn(|| {
            let words = "1 missing, 0 repeated, 0 out of order, 0 connections closed, 0 refusals";
            let words = format!("{words}\n    given up after 10 s in which nothing came");
            check_no_result(FANOUT, Fault::Lose, WARM_UP + 100, &words);
        });
        both.spawn(|| {
            let (report, code) = run_with(&mut load(fake::start(Fault::Close, 75).address, PACED));
            let kinds = ["gaps", "repeats", "disorder", "closed", "refused"];
            let faults = kinds.map(|fault| report["faults"][fault].as_u64());
            assert_eq!((code, faults), (1, [1, 0, 0, 1, 0].map(Some)), "{report}");
            let problem = report["problems"][0].as_str().expect("words");
            assert!(problem.starts_with("the server closed connection "), "{report}");
        });
    });
}

#[test]
fn a_message_twice_in_a_fanout() {
    let words = "0 missing, 1 repeated, 0 out of order, 0 connections closed, 0 refusals";
    check_no_result(FANOUT, Fault::Repeat, WARM_UP + 100, words);
}

#[test]
fn a_message_too_late_in_a_fanout() {
    let words = "0 missing, 0 repeated, 1 out of order, 0 connections closed, 0 refusals";
    check_no_result(FANOUT, Fault::Swap, WARM_UP + 100, words);
}

#[test]
fn a_message_twice_while_somebody_speaks_at_a_rate() {
    check_no_result(
        PACED,
        Fault::Repeat,
        60,
        "0 missing, 1 repeated, 0 out of order, 0 connections closed, 0 refusals",
    );
}

#[test]
fn a_message_twice_while_everybody_talks() {
    check_no_result(
        CHATTER,
        Fault::Repeat,
        6,
        "0 missing, 1 repeated, 0 out of order, 0 connections closed, 0 refusals",
    );
}

#[test]
fn a_generator_that_is_held_up_says_that_it_was_the_limit() {
    let Fake { address, happened } = fake::start(Fault::None, 55);
    let child = load(address, PACED).stdout(Stdio::piped()).spawn().expect("it runs");
    let signal = |name: &str| {
        let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "{name} can't be sent");
    };
    happened.recv_timeout(Duration::from_secs(30)).expect("something is said");
    signal("STOP");
    // So long it says nothing, a good part of what is measured.
    std::thread::sleep(Duration::from_millis(200));
    signal("CONT");
    let output = child.wait_with_output().expect("it ends");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("\n  The generator was the limit: the time says nothing about the server"), "{shown}");
}

/// `compare` by a load generator that finds the fake at this address beside it, as `minimal`, and ours in the folder above.
fn compare(fake: SocketAddr, arguments: &[&str], picture: &Path) -> Output {
    let (own, ours) = (Path::new(env!("CARGO_BIN_EXE_chat-load")), server());
    let folder = tempfile::tempdir_in(ours.parent().expect("a folder")).expect("a folder");
    let program = folder.path().join("chat-load");
    std::fs::hard_link(own, &program).expect("a link");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/load/minimal.sh");
    symlink(script, folder.path().join("minimal")).expect("a link");
    let mut command = Command::new(program);
    command.arg("compare").args(arguments).arg("--plot").arg(picture).env("FAKE_SERVER", fake.to_string());
    command.output().expect("it runs")
}

#[test]
fn a_comparison_leaves_out_what_is_no_result_and_draws_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("plot.svg");
    let fake = fake::start(Fault::Repeat, WARM_UP + 10).address;
    let what = ["--targets", "chat,minimal", "--members", "3", "--messages", "40", "--rounds", "3"];
    let output = compare(fake, &what, &picture);
    let (table, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // Of others a fault is a finding.
    assert_eq!(output.status.code(), Some(0), "{table}{errors}");
    let wrong = "1 of 3 rounds are no result: 1 messages lost, repeated or out of order";
    for (row, faults) in [("| chat-server, in memory | 3 |", "none"), ("| minimal | 3 |", wrong)] {
        let shown = table.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("{table}{errors}"));
        assert!(shown.ends_with(&format!(" | {faults} |")), "{table}");
        assert!(!shown.contains("NaN"), "{table}");
    }
    let drawn = std::fs::read_to_string(picture).expect("a picture");
    for words in ["<svg", "chat-server, in memory", "minimal", "million deliveries a second"] {
        assert!(drawn.contains(words), "{words}");
    }
}

#[test]
fn a_comparison_of_latencies_is_drawn_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("plot.svg");
    let fake = fake::start(Fault::None, 0).address;
    let what = ["paced", "--targets", "chat,minimal", "--members", "3", "--rate", "40", "--seconds", "0.5"];
    let output = compare(fake, &[&what[..], &["--rounds", "1", "--json"]].concat(), &picture);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for (series, target) in [(&all[0], "chat"), (&all[1], "minimal")] {
        assert_eq!((&series["target"], &series["rounds"][0]["last"]["count"]), (&target.into(), &20.into()), "{all}");
    }
    let drawn = std::fs::read_to_string(picture).expect("a picture");
    for words in ["until the last member has a message", "chat-server, in memory, 3", "minimal, 3"] {
        assert!(drawn.contains(words), "{words}");
    }
}

#[test]
fn latencies_of_a_run_are_drawn_and_what_has_none_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("plot.svg");
    let run = |arguments| {
        let mut command = load(fake::start(Fault::None, 0).address, arguments);
        command.arg("--plot").arg(&picture).output().expect("it runs")
    };
    let output = run(FANOUT);
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("fanout has no latencies; `compare` draws what it has"), "{words}");
    assert_eq!(run(PACED).status.code(), Some(0));
    let drawn = std::fs::read_to_string(&picture).expect("a picture");
    for words in ["paced on minimal", "each delivery", "the last member"] {
        assert!(drawn.contains(words), "{words}");
    }
}
