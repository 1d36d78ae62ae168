//! `chat-server status`: one screen of a running server.

use chat_tests::{Ended, ServerProcess, TextClient, Wire};

fn status(arguments: &[&str]) -> Ended {
    let mut command = ServerProcess::command();
    command.arg("status").args(arguments);
    ServerProcess::run_to_end(command)
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_is_found_by_its_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let server = ServerProcess::start_durable(folder.path(), &[]);
    let mut alice = TextClient::enter("alice", server.address).await;
    alice.send_line("hello").await;
    alice.send_line("/nonsense").await;
    alice.until("!!! unknown command /nonsense; /help lists the commands").await;
    let shown = status(&["--data", data]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for words in
        ["connections  1, 1 since", "sessions     1 text over tcp", "backup       never", "refused      1 unknown_type"]
    {
        assert!(shown.stdout.contains(words), "{words:?}: {}", shown.stdout);
    }
    let mut backup = ServerProcess::command();
    backup.args(["backup", "--data", data]).arg(folder.path().join("a-backup"));
    assert_eq!(ServerProcess::run_to_end(backup).code, Some(0));
    let shown = status(&["--data", data]);
    assert!(
        shown.stdout.lines().any(|line| line.starts_with("backup       ") && line.ends_with(" s ago")),
        "{shown:?}"
    );

    server.signal("TERM");
    assert_eq!(server.wait().1, Some(0));
    let refused = status(&["--data", data]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("no server runs on the data folder"), "{}", refused.stderr);
    assert!(!folder.path().join(chat_server::STATUS_SOCKET).exists(), "the socket goes with the server");
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_is_not_ready_is_shown_and_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    // No disk has so much free.
    let server = ServerProcess::start_durable(folder.path(), &["--min-free", "1000000TiB"]);
    assert_eq!(status(&["--data", data]).code, Some(0));
    let mut alice = TextClient::enter("alice", server.address).await;
    alice.send_line("hello").await;
    alice.until_start("!!! ").await;
    let shown = status(&["--data", data]);
    assert_eq!(shown.code, Some(1), "{shown:?}");
    assert!(shown.stdout.contains("; NO ROOM FOR MORE, messages are refused\n"), "{}", shown.stdout);
    assert!(shown.stderr.ends_with("the server is not ready: the log has no room for more\n"), "{}", shown.stderr);
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_stops_is_shown_as_such_for_as_long_as_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let server = ServerProcess::start_durable(folder.path(), &["--max-rate", "0"]);
    // Answers that nobody takes, so that it doesn't stop before it was asked.
    let mut stalled = Wire::connect_small("stalled", server.address).await;
    stalled.send_raw(format!("alice\n{}", "/help\n".repeat(2000)).as_bytes()).await;
    while !status(&["--data", data]).stdout.contains("; 1 take nothing just now\n") {}
    server.signal("TERM");
    let shown = std::iter::repeat_with(|| status(&["--data", data])).find(|shown| shown.code != Some(0)).unwrap();
    assert_eq!(shown.code, Some(1), "{shown:?}");
    assert!(shown.stderr.ends_with("the server is not ready: the server is stopping\n"), "{}", shown.stderr);
    stalled.close();
    assert_eq!(server.wait().1, Some(0));
}

#[test]
fn nobody_and_somebody_else_at_the_address_are_told() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let refused = status(&["--metrics", &nobody]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains(&format!("no server answers at {nobody}")), "{refused:?}");

    // A chat port answers, but not in HTTP's words for this.
    let server = ServerProcess::start(&[]);
    let refused = status(&["--metrics", &server.address.to_string()]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
}
