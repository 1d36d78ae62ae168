//! The workloads.

pub(crate) mod fanout;
pub(crate) mod idle;
pub(crate) mod paced;
pub(crate) mod storm;

use crate::args::{Common, Dialect};
use crate::random::fresh_seed;
use crate::stage::Cast;
use crate::target::{Kind, Target};
use crate::wire::Scanner;

/// What every workload needs to know.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) target: Target,
    pub(crate) seed: u64,
    pub(crate) room: String,
}

impl Setting {
    /// A server of this kind, started for one run.
    pub(crate) fn fresh(kind: Kind, program: Option<&std::path::Path>, seed: u64) -> anyhow::Result<Self> {
        Ok(Self { target: Target::spawn(kind, program)?, seed, room: "load".to_owned() })
    }

    pub(crate) fn of(common: &Common) -> anyhow::Result<Self> {
        let seed = common.seed.unwrap_or_else(fresh_seed);
        match common.server {
            None => Self::fresh(common.target, common.program.as_deref(), seed),
            Some(address) => Ok(Self {
                target: Target::running(common.target, address, common.pid),
                seed,
                // What an earlier run said in its room is none of this one's.
                room: format!("load-{:08x}", fresh_seed() >> 32),
            }),
        }
    }

    /// Members who listen, and speakers beside them.
    pub(crate) fn audience(&self, members: usize, speakers: usize, dialect: Dialect, size: usize) -> Cast {
        let (listener, speaker) = self.target.kind.wires(dialect == Dialect::Json);
        Cast {
            members,
            speakers,
            all_speak: false,
            listener: Scanner::new(listener, &self.room, size),
            speaker: Scanner::new(speaker, &self.room, size),
        }
    }

    /// People who all listen and speak.
    pub(crate) fn people(&self, people: usize, dialect: Dialect, size: usize) -> Cast {
        let (listener, _) = self.target.kind.wires(dialect == Dialect::Json);
        let scanner = Scanner::new(listener, &self.room, size);
        Cast { members: people, speakers: people, all_speak: true, listener: scanner.clone(), speaker: scanner }
    }
}
