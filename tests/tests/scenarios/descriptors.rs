//! A server that has no descriptor left for one more person.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chat_tests::{DEADLINE, ServerProcess, TextClient, Wire};

/// The program with this many descriptors and no more.
fn start(descriptors: u32) -> ServerProcess {
    let program = ServerProcess::command();
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -n {descriptors} && exec \"$@\"")).arg("sh").arg(program.get_program());
    command.args(["--listen", "127.0.0.1:0", "--ephemeral", "--web", "off"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in program.get_envs().filter(|(_, value)| value.is_none()) {
        assert!(value.is_none());
        command.env_remove(name);
    }
    ServerProcess::start_command(command)
}

/// Processor time used so far.
fn processor_time(server: &ServerProcess) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    let fields: Vec<u64> = stat.rsplit_once(')').unwrap().1.split(' ').filter_map(|field| field.parse().ok()).collect();
    // Fields 14 and 15 of proc(5), in ticks of 10 ms; the state before the numbers is no number.
    Duration::from_millis((fields[10] + fields[11]) * 10)
}

#[tokio::test]
async fn without_descriptors_members_go_on_and_the_new_are_told() {
    let server = start(40);
    let mut alice = TextClient::enter("alice", server.address).await;
    let mut bob = TextClient::enter("bob", server.address).await;
    let mut inside = Vec::new();
    let refused = loop {
        assert!(inside.len() < 40, "nobody was refused");
        let mut wire = Wire::connect("crowd", server.address).await;
        match wire.line().await.as_str() {
            "ALIAS?" => inside.push(wire),
            refused => break refused.to_owned(),
        }
    };
    assert_eq!(refused, "!!! the server is full; try again in half a minute");
    assert!(inside.len() > 10, "{}", inside.len());

    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.push(Wire::connect("waiting", server.address).await);
    }
    alice.send_line("are you there?").await;
    bob.expect_said("alice: are you there?").await;
    for wire in &mut waiting {
        wire.expect("!!! the server is full; try again in half a minute").await;
    }

    // Nobody knocks now, and no descriptor is free: that must not keep a processor busy.
    let (began, used) = (Instant::now(), processor_time(&server));
    tokio::time::sleep(Duration::from_millis(600)).await;
    let spent = processor_time(&server) - used;
    assert!(spent * 4 < began.elapsed(), "{spent:?} of {:?}", began.elapsed());

    drop(inside);
    let began = Instant::now();
    loop {
        let mut carol = Wire::connect("carol", server.address).await;
        if carol.line().await == "ALIAS?" {
            break;
        }
        assert!(began.elapsed() < DEADLINE, "places are free, and nobody is let in");
    }
    server.signal("TERM");
    let (_, code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("fewer descriptors than connections"), "{log}");
    assert!(log.matches("no descriptor is left").count() < 20, "{log}");
}
