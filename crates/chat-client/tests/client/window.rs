//! A pseudo-terminal with the program in it, and the screen that somebody sees there.

use std::io::{Read as _, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A terminal with the program in it.
pub(crate) struct Window {
    pub(crate) parser: vt100::Parser,
    pub(crate) output: Receiver<Vec<u8>>,
    input: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    _home: Option<tempfile::TempDir>,
}

impl Window {
    /// In a home of its own.
    pub(crate) fn open(server: SocketAddr, args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let window = Self::open_in(home.path(), server, args);
        Self { _home: Some(home), ..window }
    }

    /// Where these keys were pressed before the program ran.
    pub(crate) fn open_behind(keys: &str, server: SocketAddr, args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let window = Self::start(home.path(), keys, server, args);
        Self { _home: Some(home), ..window }
    }

    /// In the home of whoever was there before.
    pub(crate) fn open_in(home: &Path, server: SocketAddr, args: &[&str]) -> Self {
        Self::start(home, "", server, args)
    }

    fn start(home: &Path, ahead: &str, server: SocketAddr, args: &[&str]) -> Self {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_chat-client"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CHAT_") || name == "RUST_LOG") {
            command.env_remove(name);
        }
        command.args(args);
        command.args(["--server", &server.to_string()]);
        command.env("TERM", "xterm-256color");
        command.env("TZ", "UTC");
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("CHAT_STATE", home.join("state"));
        command.env("HOME", home);
        let mut input = pair.master.take_writer().unwrap();
        input.write_all(ahead.as_bytes()).unwrap();
        input.flush().unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let parser = vt100::Parser::new(24, 80, 0);
        Self { parser, output, input, child, master: pair.master, _home: None }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// Waits until the screen is so.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, test: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + SOON;
        while !test(self.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(_) => panic!("{what} did not come; the screen is\n{}", self.parser.screen().contents()),
            }
        }
    }

    #[track_caller]
    pub(crate) fn see(&mut self, words: &str) {
        self.wait(words, |screen| screen.contents().contains(words));
    }

    pub(crate) fn resize(&mut self, cols: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        self.parser.screen_mut().set_size(rows, cols);
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for the end; the exit code.
    #[track_caller]
    pub(crate) fn end(&mut self) -> u32 {
        self.wait("the screen of before", |screen| !screen.alternate_screen() && !screen.bracketed_paste());
        assert!(!self.parser.screen().hide_cursor(), "the cursor is shown again");
        self.child.wait().unwrap().exit_code()
    }

    /// All that is on the screen.
    pub(crate) fn shown(&self) -> String {
        self.parser.screen().contents()
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// As a power cut would end it.
    #[cfg(unix)]
    pub(crate) fn kill(mut self) {
        self.signal("-KILL");
        self.child.wait().unwrap();
    }

    /// Waits for the end of a program that leaves the screen alone; the exit code.
    pub(crate) fn wait_for_end(&mut self) -> u32 {
        self.child.wait().unwrap().exit_code()
    }
}
