//! The server as a program.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::wire::DEADLINE;

/// The program `chat-server`, running. It is killed when this is dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    /// Where it listens, as it said itself.
    pub address: SocketAddr,
    stderr: Option<JoinHandle<String>>,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// All it wrote to standard output.
    pub stdout: String,
    /// All it wrote to standard error.
    pub stderr: String,
}

impl ServerProcess {
    /// Starts it on a free port with these arguments, and waits until it listens.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Self::command();
        command.args(["--listen", "127.0.0.1:0", "--web", "off", "--ephemeral"]).args(arguments);
        Self::start_command(command)
    }

    /// Starts it on a free port with its log in this folder, and waits until it listens.
    #[must_use]
    pub fn start_durable(data: &Path, arguments: &[&str]) -> Self {
        let mut command = Self::command();
        command.args(["--listen", "127.0.0.1:0", "--web", "off", "--data"]).arg(data).args(arguments);
        Self::start_command(command)
    }

    /// Starts what a test has put together, and waits until it listens.
    #[must_use]
    pub fn start_command(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let stderr = Some(collect(child.stderr.take().expect("a pipe")));
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let address = loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).expect("standard output can be read") == 0 {
                panic!("it ended before it listened: {}", stderr.map(|all| all.join().unwrap()).unwrap_or_default());
            }
            if let Some(address) = line.trim_end().strip_prefix("listening on tcp://") {
                break address.parse().expect("an address");
            }
        };
        // Kept open by a thread, as a program that can't write its output might end for it.
        std::thread::spawn(move || stdout.read_to_string(&mut String::new()));
        Self { child, address, stderr }
    }

    /// The program with its pipes set, and nothing of this machine's configuration.
    #[must_use]
    pub fn command() -> Command {
        let mut command = Command::new(binary());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("RUST_LOG");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CHAT_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs the program to its end, which has to come soon.
    #[must_use]
    pub fn run_to_end(mut command: Command) -> Ended {
        let mut child = command.spawn().expect("the program starts");
        let stderr = collect(child.stderr.take().expect("a pipe"));
        let mut pipe = child.stdout.take().expect("a pipe");
        let stdout = std::thread::spawn(move || {
            let mut all = String::new();
            pipe.read_to_string(&mut all).map(|_| all).unwrap_or_default()
        });
        let status = wait(&mut child, DEADLINE);
        Ended { code: status.code(), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "the signal {name} can't be sent");
    }

    /// Waits for it to end; how long that took, its exit code, and what it wrote to standard error.
    pub fn wait(mut self) -> (Duration, Option<i32>, String) {
        let began = Instant::now();
        let status = wait(&mut self.child, DEADLINE);
        let took = began.elapsed();
        let stderr = self.stderr.take().map(|all| all.join().unwrap()).unwrap_or_default();
        (took, status.code(), stderr)
    }

    /// The memory that it has in use, in bytes.
    #[must_use]
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a resident size");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut pipe: ChildStderr) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let _ = pipe.read_to_end(&mut all);
        String::from_utf8_lossy(&all).into_owned()
    })
}

fn wait(child: &mut Child, deadline: Duration) -> ExitStatus {
    let until = Instant::now() + deadline;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if Instant::now() > until {
            let _ = child.kill();
            panic!("the program didn't end within {deadline:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The program, built by cargo if need be, as the tests of one crate don't bring the programs of another.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("a test has a program");
        // target/PROFILE/deps/scenarios-HASH
        let folder = test.parent().and_then(Path::parent).expect("a folder of programs");
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(other) => other,
        };
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--package", "chat-server"]);
        build.args(["--bin", "chat-server", "--profile", profile, "--target-dir"]);
        build.arg(folder.parent().expect("a target folder"));
        assert!(build.status().expect("cargo runs").success(), "chat-server can't be built");
        folder.join("chat-server").with_extension(std::env::consts::EXE_EXTENSION)
    })
}
