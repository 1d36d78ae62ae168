//! A few seconds of each mode.

use super::{Value, run};

#[track_caller]
fn check_good(report: &Value, code: i32) {
    assert_eq!(code, 0, "{report}");
    for fault in ["gaps", "repeats", "disorder", "closed", "refused"] {
        assert_eq!(report["faults"][fault], 0, "{report}");
    }
}

#[test]
fn fanout_reaches_everybody_in_either_dialect_and_by_either_window() {
    for more in [["--dialect", "text", "--window-by", "ack"], ["--dialect", "json", "--window-by", "last"]] {
        let arguments = ["fanout", "--members", "20", "--senders", "3", "--messages", "600"];
        let (report, code) = run(&[&arguments[..], &more].concat());
        check_good(&report, code);
        assert_eq!(report["messages"], 600);
        // Senders are members too: each of them gets what the two others say.
        assert_eq!(report["deliveries"], 600 * 22);
    }
}

#[test]
fn fanout_on_the_durable_log() {
    let (report, code) = run(&["fanout", "--target", "chat-durable", "--members", "5", "--messages", "200"]);
    check_good(&report, code);
    assert_eq!(report["deliveries"], 200 * 5);
}

#[test]
fn paced_times_every_delivery() {
    let (report, code) = run(&["paced", "--members", "10", "--rate", "20", "--seconds", "1"]);
    check_good(&report, code);
    assert_eq!(report["each"]["count"], 200);
    assert_eq!(report["last"]["count"], 20);
    assert!(report["last"]["p50"].as_f64() >= report["each"]["p50"].as_f64(), "{report}");
}

#[test]
fn chatter_reaches_all_the_others() {
    let (report, code) = run(&["chatter", "--people", "20", "--seconds", "1"]);
    check_good(&report, code);
    assert_eq!(report["each"]["count"], 20 * 19);
}

#[test]
fn idle_tells_the_memory_of_a_connection() {
    let (report, code) = run(&["idle", "--members", "200"]);
    check_good(&report, code);
    let bytes = report["idle"]["bytes_per_connection"].as_f64().expect("a figure");
    assert!((0.0..100_000.0).contains(&bytes), "{report}");
}

#[test]
fn a_storm_gets_in() {
    let (report, code) = run(&["storm", "--members", "100"]);
    check_good(&report, code);
    assert!(report["storm"]["lines"].as_u64() >= Some(200), "{report}");
}

#[test]
fn all_come_back_from_far_behind() {
    let (found, code) = run(&["resume", "--members", "30", "--behind", "600", "--seed", "1"]);
    assert_eq!(code, 0, "{found}");
    for fault in ["gaps", "repeats", "closed", "refused"] {
        assert_eq!(found[fault], 0, "{found}");
    }
    // Each lacks 601 to 1100, and gets what is said meanwhile too.
    let deliveries = found["deliveries"].as_u64().expect("a figure");
    assert!((30 * 602..30 * 1300).contains(&deliveries), "{found}");
    assert_eq!(found["each"]["count"], 30);
}

#[test]
fn what_cannot_be_carried_out_is_neither_a_result_nor_a_fault_of_the_server() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chat-load"));
    let output = command.args(["storm", "--members", "1", "--server", &gone.to_string()]).output().expect("it runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(words.starts_with("chat-load: ") && words.lines().count() == 1, "{words}");
}

#[test]
fn verify_finds_nothing_wrong_with_a_server_that_is_right() {
    let faults = ["--cuts", "6", "--stalls", "2", "--client-kills", "3", "--stops", "1", "--rooms", "2"];
    let (found, code) = run(&[&["verify", "--acked", "1500", "--kills", "3", "--seed", "1"], &faults[..]].concat());
    assert_eq!((code, &found["violations"]), (0, &Value::from(0)), "{found}");
    assert_eq!(found["acked"], 1500);
    assert_eq!(found["logged"], 1500);
}
