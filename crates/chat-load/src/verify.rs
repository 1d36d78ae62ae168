//! The delivery checker: many writers and readers through faults that it causes itself, and then the question whether
//! the server kept its word. Correctness rather than cheapness: one task for each client, every line parsed as any
//! program would.

mod audit;
mod client;
mod history;
mod judge;
mod plan;
mod proxy;
mod report;
mod text;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chat_protocol::names::RoomName;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet, block_in_place};
use tokio::time::sleep;

use self::client::{Client, Record, Shared, Status};
use self::history::{History, Oddity};
use self::plan::{Counts, Fault};
use self::proxy::{Order, Proxy};
use self::report::Found;
use crate::Outcome;
use crate::args::Verify;
use crate::progress::Progress;
use crate::random::fresh_seed;
use crate::target::{Kind, Target};

/// How long everybody has to get everything once the faults are over.
const CATCH_UP: Duration = Duration::from_secs(10);
/// How long nothing may be acked before the run is given up, which is a violation.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a stall may last beyond its time. With that it stays below the 30 s after which the server closes who takes nothing.
const LONGEST_STALL: Duration = Duration::from_secs(24);
/// How often the run is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Runs the checker and prints what it found.
pub(crate) fn run(args: &Verify) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let found = runtime.block_on(verify(args, &Progress::new()))?;
    if args.json {
        println!("{}", serde_json::to_string(&found)?);
    } else {
        print!("{}", found.text());
    }
    Ok(if found.is_good() { Outcome::Valid } else { Outcome::Invalid })
}

/// A server that dies and comes back on the same data.
struct Served<'a> {
    kind: Kind,
    program: Option<&'a Path>,
    folder: &'a Path,
    target: Option<Target>,
}

/// The clients of a run.
struct Crowd {
    statuses: Vec<Arc<Status>>,
    kills: Vec<mpsc::Sender<()>>,
    tasks: Vec<JoinHandle<Record>>,
    stop: watch::Sender<bool>,
}

/// A whole run: clients, faults, catching up, the final log, the verdict.
async fn verify(args: &Verify, progress: &Progress) -> anyhow::Result<Found> {
    let counts = counts(args)?;
    let seed = args.seed.unwrap_or_else(fresh_seed);
    let temporary = tempfile::tempdir().context("can't make a folder for the log")?;
    let folder = args.data.as_deref().unwrap_or_else(|| temporary.path());
    let kind = if args.ephemeral { Kind::Chat } else { Kind::ChatDurable };
    let mut served = Served { kind, program: args.program.as_deref(), folder, target: None };
    let server = served.start()?;
    let proxy = Proxy::start(server).await?;
    let shared = Arc::new(Shared {
        proxy: proxy.address,
        began: Instant::now(),
        rooms: (0..args.rooms).map(|room| RoomName::new(&format!("room{room}"))).collect::<Result<_, _>>()?,
        window: usize::from(args.window),
        budget: AtomicU64::new(args.acked),
        wanted: args.acked,
        acked: AtomicU64::new(0),
        conflicts: AtomicU64::new(0),
        tails: AtomicU64::new(0),
        connects: AtomicU64::new(0),
    });
    let crowd = Crowd::start(args, &shared, seed);

    progress.phase(format!("seed {seed}"), args.acked);
    let mut oddities = Vec::new();
    if !faults(&plan::plan(seed, args.acked, counts), &mut served, &proxy, &crowd, &shared, progress).await? {
        let what = format!("anything at all for {} s", PATIENCE.as_secs());
        oddities.push(Oddity::Refused { who: "everybody".to_owned(), what });
    }
    let seconds = shared.began.elapsed().as_secs_f64();
    progress.phase("catching up", 0);
    let target = served.target.as_ref().context("there is no server any more")?;
    crowd.catch_up(target, &shared).await?;
    let streams: Vec<_> = crowd.statuses.iter().map(|s| (s.reached(), s.unanswered.load(Ordering::Relaxed))).collect();
    let records = crowd.end().await?;
    progress.phase("checking", 0);
    let log = audit::read_all(target.address, &shared.rooms).await.context("the final log can't be read")?;
    let mut history = History { log, oddities, ..History::default() };
    for (record, (reached, unanswered)) in records.into_iter().zip(streams) {
        history.attempts.extend(record.attempts);
        history.acks.extend(record.acks);
        history.oddities.extend(record.oddities);
        history.streams.push(history::Stream { reached, unanswered, ..record.stream });
    }
    let verdict = block_in_place(|| judge::check(&history));
    Ok(Found::new(args, seed, counts, seconds, &shared, &history, verdict))
}

fn counts(args: &Verify) -> anyhow::Result<Counts> {
    let kills = args.kills.unwrap_or(if args.ephemeral { 0 } else { 20 });
    if args.ephemeral && kills > 0 {
        bail!("an --ephemeral server keeps nothing through a kill: use --kills 0");
    }
    Ok(Counts { kills, cuts: args.cuts, stalls: args.stalls, client_kills: args.client_kills, stops: args.stops })
}

impl Served<'_> {
    fn start(&mut self) -> anyhow::Result<std::net::SocketAddr> {
        let target = block_in_place(|| Target::spawn_on(self.kind, self.program, Some(self.folder)))?;
        let address = target.address;
        self.target = Some(target);
        Ok(address)
    }

    /// `kill -9`, a pause, and a new one on the same data.
    async fn kill(&mut self, pause: Duration, proxy: &Proxy) -> anyhow::Result<()> {
        block_in_place(|| self.target = None);
        sleep(pause).await;
        let address = self.start().context("the server doesn't start again after kill -9")?;
        proxy.lead_to(address);
        Ok(())
    }

    async fn stop(&self, time: Duration) {
        let pid = self.target.as_ref().and_then(|target| target.pid).and_then(|pid| Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = pid {
            // A server that has ended by itself will be noticed by everybody.
            let _ = kill_process(pid, Signal::STOP);
            sleep(time).await;
            let _ = kill_process(pid, Signal::CONT);
        }
    }
}

/// Carries out the plan while messages flow, until all are acked. False where they stopped flowing.
async fn faults(
    plan: &[(u64, Fault)],
    served: &mut Served<'_>,
    proxy: &Proxy,
    crowd: &Crowd,
    shared: &Arc<Shared>,
    progress: &Progress,
) -> anyhow::Result<bool> {
    let mut stalls = JoinSet::new();
    // What lies beyond may be waiting in stalled windows, and is not to be waited for.
    let most = shared.wanted.saturating_sub((crowd.kills.len() * shared.window) as u64);
    for (i, (at, fault)) in plan.iter().enumerate() {
        if !acked(*at, shared, progress).await {
            return Ok(false);
        }
        progress.note(format!("fault {} of {}", i + 1, plan.len()));
        match *fault {
            Fault::Kill { pause } => served.kill(pause, proxy).await?,
            Fault::Stop { time } => served.stop(time).await,
            Fault::Cut { pick, after, reset } => {
                somebody(|| proxy.order(pick, Order::Cut { after, reset })).await;
            }
            Fault::Stall { pick, time, messages, both } => {
                if let Some(stalled) = somebody(|| proxy.order(pick, Order::Stall { both })).await {
                    stalls.spawn(end_stall(stalled, time, (at + messages).min(most), Arc::clone(shared)));
                }
            }
            Fault::ClientKill { pick } => {
                let client = &crowd.kills[(pick % crowd.kills.len() as u64) as usize];
                // One that is dead already, and not back yet, is killed when it is.
                let _ = client.try_send(());
            }
        }
    }
    let all = acked(shared.wanted, shared, progress).await;
    while stalls.join_next().await.is_some() {}
    Ok(all)
}

/// Waits until somebody is there whom a fault can meet, a second at most.
async fn somebody<T>(mut order: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..200 {
        let met = order();
        if met.is_some() {
            return met;
        }
        sleep(LOOK).await;
    }
    None
}

/// Lets a connection carry on once its time is over and so many messages are acked, or nobody else comes on either.
async fn end_stall(stalled: watch::Sender<Order>, time: Duration, upto: u64, shared: Arc<Shared>) {
    sleep(time).await;
    let end = Instant::now() + LONGEST_STALL;
    while shared.acked.load(Ordering::Relaxed) < upto && Instant::now() < end {
        sleep(LOOK).await;
    }
    // One that was cut meanwhile stays cut.
    stalled.send_if_modified(|order| {
        let stalls = matches!(order, Order::Stall { .. });
        if stalls {
            *order = Order::Run;
        }
        stalls
    });
}

/// Waits for so many acks. False where they stopped coming.
async fn acked(count: u64, shared: &Shared, progress: &Progress) -> bool {
    let mut last = (shared.acked.load(Ordering::Relaxed), Instant::now());
    loop {
        let now = shared.acked.load(Ordering::Relaxed);
        progress.at(now);
        if now >= count {
            return true;
        }
        if now > last.0 {
            last = (now, Instant::now());
        } else if last.1.elapsed() > PATIENCE {
            return false;
        }
        sleep(LOOK).await;
    }
}

impl Crowd {
    fn start(args: &Verify, shared: &Arc<Shared>, seed: u64) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut crowd = Self { statuses: Vec::new(), kills: Vec::new(), tasks: Vec::new(), stop };
        let rooms = usize::from(args.rooms);
        for index in 0..args.writers + args.readers {
            let writes = index < args.writers;
            let first = usize::from(index) % rooms;
            // Two rooms each where there are two, so that what orders one doesn't disturb the other.
            let mut own = vec![first, (first + 1) % rooms];
            own.dedup();
            let status = Arc::new(Status::new(rooms, &own));
            let (kill, kills) = mpsc::channel(1);
            let client = Client::new(Arc::clone(shared), Arc::clone(&status), u32::from(index), writes, own, seed);
            crowd.statuses.push(status);
            crowd.kills.push(kill);
            crowd.tasks.push(tokio::spawn(client.run(kills, stopped.clone())));
        }
        crowd
    }

    /// Waits until all have everything, or their time is over.
    async fn catch_up(&self, target: &Target, shared: &Shared) -> anyhow::Result<()> {
        let end = Instant::now() + CATCH_UP;
        while self.statuses.iter().any(|status| status.unanswered.load(Ordering::Relaxed) > 0) && Instant::now() < end {
            sleep(LOOK).await;
        }
        let heads = audit::heads(target.address, &shared.rooms).await.context("the server doesn't answer")?;
        let behind = |status: &Arc<Status>| {
            status.reached().iter().zip(&heads).any(|(reached, head)| reached.is_some_and(|reached| reached < *head))
        };
        while self.statuses.iter().any(behind) && Instant::now() < end {
            sleep(LOOK).await;
        }
        Ok(())
    }

    async fn end(self) -> anyhow::Result<Vec<Record>> {
        self.stop.send_replace(true);
        let mut records = Vec::new();
        for task in self.tasks {
            records.push(task.await.context("a client of the checker panicked")?);
        }
        Ok(records)
    }
}
