//! The same workload on several servers.
use crate::Outcome;
pub(crate) fn run(_args: &crate::args::Compare) -> anyhow::Result<Outcome> {
    Ok(Outcome::Valid)
}
