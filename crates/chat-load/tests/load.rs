//! The program itself, on servers that it starts: a few seconds of each mode; on one that does something wrong; and the proof of
//! the checker.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "clippy takes only what is below a #[test] for a test")]

#[path = "load/fake.rs"]
mod fake;
#[path = "load/faulty.rs"]
mod faulty;
#[path = "load/modes.rs"]
mod modes;
#[cfg(feature = "planted")]
#[path = "load/planted.rs"]
mod planted;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// What a run printed as JSON, and its exit code.
fn run(arguments: &[&str]) -> (Value, i32) {
    run_with(Command::new(env!("CARGO_BIN_EXE_chat-load")).args(arguments).args(["--program"]).arg(server()))
}

fn run_with(command: &mut Command) -> (Value, i32) {
    let Output { status, stdout, stderr } = command.arg("--json").output().expect("the program runs");
    let stdout = String::from_utf8(stdout).expect("text");
    let stderr = String::from_utf8_lossy(&stderr);
    let value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"));
    (value, status.code().expect("an exit code"))
}

/// The server's program, made first: cargo makes only what a package's own tests need.
fn server() -> &'static Path {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    SERVER.get_or_init(|| build(&[], folder()))
}

/// Builds chat-server into the folder where cargo puts programs under `target`. What it is made of is shared.
fn build(arguments: &[&str], target: &Path) -> PathBuf {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--package", "chat-server", "--target-dir"]).arg(target).args(arguments);
    command.env("CARGO_BUILD_BUILD_DIR", folder());
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    assert!(command.status().expect("cargo runs").success(), "chat-server can't be built");
    target.join(if cfg!(debug_assertions) { "debug" } else { "release" }).join("chat-server")
}

/// Cargo's target folder: the program under test is in a profile's folder there.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_chat-load")).ancestors().nth(2).expect("a target folder")
}
