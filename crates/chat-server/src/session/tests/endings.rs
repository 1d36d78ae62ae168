//! One reason for an end: as the person hears it, as the log has it, as the metrics count it.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

type Client = BufReader<DuplexStream>;

/// The log of this thread, one JSON object a line.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Written {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Written {
    /// The lines about ends that have this code.
    fn ends(&self, code: &str) -> Vec<Value> {
        let bytes = self.0.lock().expect("a lock").clone();
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines = lines.map(|line| serde_json::from_slice::<Value>(line).expect("JSON"));
        lines.filter(|line| line["fields"]["code"] == code).collect()
    }
}

/// All lines up to the end; the last one is the reason, as a person sees it.
async fn last_words(mut client: Client) -> String {
    let mut last = String::new();
    loop {
        let mut line = String::new();
        let read = tokio::time::timeout(Duration::from_secs(20), client.read_line(&mut line)).await;
        if read.expect("an end in time").expect("a line") == 0 {
            return last.trim_end().to_owned();
        }
        last = line;
    }
}

async fn program(lab: &Lab, hello: &str) -> (Client, String) {
    let mut client = lab.connect("192.0.2.5").await;
    let welcome = say(&mut client, &format!("{hello}\n")).await;
    (client, welcome)
}

/// Does to somebody what ends his connection.
async fn end(lab: &Lab, code: &str) -> Client {
    match code {
        "timeout" => lab.connect("192.0.2.1").await,
        "limit" => {
            let mut client = lab.connect("192.0.2.1").await;
            tell(&mut client, "no alias\nno alias\n").await;
            client
        }
        "quit" => {
            let mut client = lab.guest("bob", "192.0.2.1").await;
            tell(&mut client, "/quit for lunch\n").await;
            client
        }
        "kicked" | "banned" => {
            let client = lab.guest("eve", "192.0.2.1").await;
            let order = if code == "kicked" { "/kick eve enough\n" } else { "/ban eve 1h spam\n" };
            let mut olga = lab.operator().await;
            tell(&mut olga, order).await;
            skip_to(&mut olga, "*** eve").await;
            client
        }
        "replaced" => {
            let (client, welcome) = program(lab, r#"{"type":"hello","alias":"bot"}"#).await;
            let session: Value = serde_json::from_str(&welcome).expect("JSON");
            let again = format!(r#"{{"type":"hello","session":{}}}"#, session["session"]);
            assert!(program(lab, &again).await.1.contains("welcome"));
            client
        }
        "stalled" => {
            let mut client = lab.connect_by("192.0.2.1", 256).await;
            say(&mut client, "sleeper\n").await;
            skip_to(&mut client, "*** You are sleeper").await;
            let mut writer = lab.guest("writer", "192.0.2.2").await;
            tell(&mut writer, &format!("{}\n", "x".repeat(2000))).await;
            // It is gone from the room before it wakes to be told why.
            skip_to(&mut writer, "*** sleeper left").await;
            client
        }
        "shutdown" => {
            let client = lab.guest("bob", "192.0.2.1").await;
            lab.hub().connections.end_all(&Bye::new(ByeCode::Shutdown, "the server is shutting down"));
            client
        }
        _ => unreachable!("{code}"),
    }
}

#[tokio::test]
async fn whoever_is_closed_the_log_and_the_metrics_have_one_reason() {
    let cases = [
        ("timeout", "nobody introduced himself within 0 s"),
        ("limit", "2 tries are enough; connect again to go on"),
        ("quit", "you left"),
        ("kicked", "olga asked you to leave: enough"),
        ("banned", "you are banned until "),
        ("replaced", "this session goes on in another connection"),
        ("stalled", "you took nothing for 0 s"),
        ("shutdown", "the server is shutting down"),
    ];
    for (code, words) in cases {
        let written = Written::default();
        let log = tracing_subscriber::fmt().json().with_writer(written.clone()).finish();
        let _log = tracing::subscriber::set_default(log);
        let lab = Lab::with(|limits| {
            limits.max_tries = 2;
            limits.write = Duration::from_millis(100);
            if code == "timeout" {
                limits.handshake = Duration::from_millis(20);
            }
        });
        let lab = lab.await;
        let last = last_words(end(&lab, code).await).await;
        let ends = written.ends(code);
        let [line] = &ends[..] else { panic!("{code}: {ends:?}") };
        let reason = line["fields"]["reason"].as_str().expect("a reason");
        assert!(reason.starts_with(words), "{code}: {reason}");
        let expected = match last.strip_prefix("*** bye: ") {
            Some(said) => said.to_owned(),
            None => {
                let bye: Value = serde_json::from_str(&last).expect("JSON");
                assert_eq!(bye["code"], code);
                bye["reason"].as_str().expect("a reason").to_owned()
            }
        };
        assert_eq!(reason, expected, "{code}");
        assert_eq!(lab.hub().metrics.closings_total.with_label_values(&[code]).get(), 1, "{code}");
    }
}
