//! What can be typed.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::target::Kind;

/// Puts load on a chat server and checks that everybody got everything.
///
/// Every receiver counts gaps, repeats and disorder; a run with any is no result, and the exit code is 1.
#[derive(Debug, Parser)]
#[command(name = "chat-load", version, about, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// As fast as a bounded window lets the senders: what a delivery costs
    Fanout(Fanout),
    /// At a given rate, whatever happens: how long it takes until members have a message
    Paced(Paced),
    /// Everybody talks: each person says one message a second
    Chatter(Chatter),
    /// Connections that do nothing: the server's memory for each
    Idle(Idle),
    /// Everybody joins one room at once: time until all are in, and lines it took
    Storm(Storm),
    /// Everybody comes back at once, far behind, to a server that was started again: time until all are live
    Resume(Resume),
    /// The delivery checker: writers and readers through faults it causes, and then whether the server kept its word
    Verify(Verify),
    /// The same workload on several servers in turn, interleaved and repeated: medians and ratios
    Compare(Compare),
}

/// Which server, and what to do with the result.
#[derive(Clone, Debug, Group)]
pub(crate) struct Common {
    /// The kind of server: it is started here, on a free port, unless --server names a running one
    #[arg(long, visible_alias = "spawn", value_enum, default_value = "chat", value_name = "KIND")]
    pub(crate) target: Kind,

    /// A running server; its --max-rate has to allow the load
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) server: Option<SocketAddr>,

    /// The running server's process, to count its CPU and memory
    #[arg(long, requires = "server")]
    pub(crate) pid: Option<u32>,

    /// The server's program, where it isn't beside this one or in the PATH
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,

    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// Draw the result into this SVG file, if it is one
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,

    /// Repeats what chance decides
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// What the members speak with a chat server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// Lines for people.
    #[default]
    Text,
    /// Lines for programs.
    Json,
}

/// What is said.
#[derive(Clone, Copy, Debug, Group)]
pub(crate) struct Talk {
    /// Bytes of a message's text
    #[arg(long, default_value_t = 64, value_parser = size)]
    pub(crate) size: usize,

    /// What the members speak with a chat server; who only sends speaks JSON
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) dialect: Dialect,
}

/// How much is said by those who wait for nothing but their window.
#[derive(Clone, Copy, Debug, Group)]
pub(crate) struct Burst {
    /// Those who send in a fan-out; with chat servers they are members too
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) senders: u16,

    /// Messages of each sender that may be on their way in a fan-out
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) window: u32,

    /// Messages of all senders of a fan-out together
    #[arg(long, default_value_t = 20_000)]
    pub(crate) messages: u32,
}

/// When a message leaves its sender's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WindowBy {
    /// When the server has answered it; not possible with minimal
    Ack,
    /// When the last member has it: the same rule for every kind of server
    Last,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Fanout {
    #[command(flatten)]
    pub(crate) common: Common,

    /// Members of the room
    #[arg(long, default_value_t = 1000)]
    pub(crate) members: usize,

    #[command(flatten)]
    pub(crate) burst: Burst,

    /// When a message leaves the window [default: ack; last with minimal]
    #[arg(long, value_enum)]
    pub(crate) window_by: Option<WindowBy>,

    #[command(flatten)]
    pub(crate) talk: Talk,

    /// Seconds after which no more are sent
    #[arg(long, default_value_t = 60.0)]
    pub(crate) seconds: f64,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Paced {
    #[command(flatten)]
    pub(crate) common: Common,

    /// Members of the room
    #[arg(long, default_value_t = 1000)]
    pub(crate) members: usize,

    /// Messages a second
    #[arg(long, default_value_t = 10.0)]
    pub(crate) rate: f64,

    /// Seconds that are measured; one before them is not
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,

    #[command(flatten)]
    pub(crate) talk: Talk,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Chatter {
    #[command(flatten)]
    pub(crate) common: Common,

    /// People in the room
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(2..=20_000))]
    pub(crate) people: u16,

    /// Seconds that are measured; two before them are not
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,

    #[command(flatten)]
    pub(crate) talk: Talk,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Idle {
    #[command(flatten)]
    pub(crate) common: Common,

    /// Connections in the room
    #[arg(long, default_value_t = 10_000)]
    pub(crate) members: usize,

    /// What they speak with a chat server
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) dialect: Dialect,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Storm {
    #[command(flatten)]
    pub(crate) common: Common,

    /// Connections that join at once
    #[arg(long, default_value_t = 5000)]
    pub(crate) members: usize,

    /// What they speak with a chat server
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) dialect: Dialect,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Resume {
    /// Members that come back
    #[arg(long, default_value_t = 1000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub(crate) members: usize,

    /// Messages that each of them lacks, and up to 500 more
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) behind: u64,

    /// Bytes of a message's text
    #[arg(long, default_value_t = 64, value_parser = size)]
    pub(crate) size: usize,

    /// Repeats the members' positions
    #[arg(long)]
    pub(crate) seed: Option<u64>,

    /// The server's program, where it isn't beside this one
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,

    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// As fast as a window lets the senders
    #[default]
    Fanout,
    /// One sender at a rate
    Paced,
    /// Everybody talks
    Chatter,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Compare {
    /// The workload
    #[arg(value_enum, default_value = "fanout")]
    pub(crate) workload: Workload,

    /// The servers; those that aren't installed are named and left out
    #[arg(long, value_enum, value_delimiter = ',', default_value = "chat,chat-durable,minimal,redis,nats")]
    pub(crate) targets: Vec<Kind>,

    /// Members; several for one row of the table each
    #[arg(long, value_delimiter = ',', default_value = "1000")]
    pub(crate) members: Vec<usize>,

    #[command(flatten)]
    pub(crate) burst: Burst,

    /// fanout: when a message leaves the window [default: ack; last with minimal]
    #[arg(long, value_enum)]
    pub(crate) window_by: Option<WindowBy>,

    /// paced: messages a second
    #[arg(long, default_value_t = 10.0)]
    pub(crate) rate: f64,

    /// Seconds of one run: fanout sends no longer than this, the others exactly so long
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,

    #[command(flatten)]
    pub(crate) talk: Talk,

    /// How often each server has its turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,

    /// Print the results as one JSON object instead of a table in Markdown
    #[arg(long)]
    pub(crate) json: bool,

    /// Draw the results into this SVG file
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Verify {
    /// Messages that have to be acked
    #[arg(long, default_value_t = 100_000)]
    pub(crate) acked: u64,

    /// Times that the server is killed by SIGKILL and started again [default: 20; 0 with --ephemeral]
    #[arg(long)]
    pub(crate) kills: Option<u32>,

    /// Connections that are cut, most of them in the middle of a line
    #[arg(long, default_value_t = 50)]
    pub(crate) cuts: u32,

    /// Connections that carry nothing for a while
    #[arg(long, default_value_t = 20)]
    pub(crate) stalls: u32,

    /// Clients that die with an unended line sent; new ones go on with their sessions
    #[arg(long, default_value_t = 10)]
    pub(crate) client_kills: u32,

    /// Times that the server is stopped by SIGSTOP and goes on by SIGCONT
    #[arg(long, default_value_t = 5)]
    pub(crate) stops: u32,

    /// Rooms; every client is in two of them
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) rooms: u8,

    /// Clients that write, and read
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) writers: u16,

    /// Clients that only read
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(crate) readers: u16,

    /// Messages of each writer that may be unacked
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) window: u16,

    /// Repeats the plan of the faults
    #[arg(long)]
    pub(crate) seed: Option<u64>,

    /// A server that keeps its log in memory: without kills, and with few enough messages that none has to make place
    #[arg(long)]
    pub(crate) ephemeral: bool,

    /// Keep the log in this folder, which has to be empty, instead of one that is deleted afterwards
    #[arg(long, value_name = "DIR", conflicts_with = "ephemeral")]
    pub(crate) data: Option<PathBuf>,

    /// The server's program, where it isn't beside this one
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,

    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

fn size(text: &str) -> Result<usize, String> {
    let most = 8192;
    match text.parse() {
        Ok(size) if (crate::stamp::LEN..=most).contains(&size) => Ok(size),
        _ => Err(format!("a size is a number from {} to {most}", crate::stamp::LEN)),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_sound() {
        super::Args::command().debug_assert();
    }
}
