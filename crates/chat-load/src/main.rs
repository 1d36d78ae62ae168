//! The load generator's program: arguments, run, exit code.

use std::process::ExitCode;

/// The exit code of a run that couldn't be carried out; 1 is for one that is no result.
const NOT_RUN: u8 = 2;

#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("chat-load: it needs a Unix");
    ExitCode::from(NOT_RUN)
}

#[cfg(unix)]
fn main() -> ExitCode {
    use chat_load::{Args, Outcome};
    use clap::Parser as _;

    match chat_load::run(Args::parse()) {
        Ok(Outcome::Valid) => ExitCode::SUCCESS,
        Ok(Outcome::Invalid) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chat-load: {error:#}");
            ExitCode::from(NOT_RUN)
        }
    }
}
