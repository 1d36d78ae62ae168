//! What an operator sees of a running server in figures.
//!
//! Names and units follow Prometheus' conventions. No label has an alias, a room or an address as its value: their number
//! would be the peers' to choose. What is counted on the way of every delivery is one relaxed atomic addition a wake.

mod endpoint;
mod surroundings;

use chat_protocol::message::{ByeCode, ErrorCode};
use prometheus::core::{AtomicU64, GenericCounter};
use prometheus::{
    Counter, Encoder as _, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

pub(crate) use endpoint::Endpoint;
pub use endpoint::STATUS_SOCKET;
use surroundings::Seen;
pub(crate) use surroundings::Surroundings;

/// Seconds: from what a commit takes on a fast disk to what nobody should wait for.
const SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The codes of closing words that connections end with.
const ENDS: [ByeCode; 10] = [
    ByeCode::Quit,
    ByeCode::Shutdown,
    ByeCode::Replaced,
    ByeCode::Kicked,
    ByeCode::Banned,
    ByeCode::Stalled,
    ByeCode::Timeout,
    ByeCode::Full,
    ByeCode::Limit,
    ByeCode::Storage,
];

/// Why sessions end without any.
const SILENT_ENDS: [&str; 3] = ["lost", "failed", "stranger"];

/// Messages in a batch.
const MESSAGES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0, 2048.0];

/// All figures of one server. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) connections_total: IntCounter,
    connections: IntGauge,
    pub(crate) sessions: IntGaugeVec,
    rooms: IntGauge,
    pub(crate) messages_total: IntCounter,
    pub(crate) refused_total: IntCounterVec,
    pub(crate) deliveries_total: IntCounter,
    pub(crate) received_bytes_total: GenericCounter<AtomicU64>,
    pub(crate) sent_bytes_total: GenericCounter<AtomicU64>,
    pub(crate) batch_messages: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) publish_to_written_seconds: Histogram,
    pub(crate) lags_total: IntCounter,
    pub(crate) gap_messages_total: IntCounter,
    pub(crate) blocked_writers: IntGauge,
    pub(crate) closings_total: IntCounterVec,
    pub(crate) limits_met_total: IntCounterVec,
    pub(crate) log_refusing: IntGauge,
    log_busy_seconds: Gauge,
    queue_entries: IntGauge,
    runtime_busy_seconds_total: Counter,
    runtime_threads: IntGauge,
    draining: IntGauge,
    log_bytes: IntGauge,
    /// Of a server that keeps its messages on disk.
    disk: Option<Disk>,
    /// Of a server that speaks TLS.
    certificate_expiry: Option<IntGauge>,
}

/// What only a data folder has.
#[derive(Clone, Debug)]
struct Disk {
    free_bytes: IntGauge,
    last_backup: IntGauge,
}

/// What is looked up when the figures are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) connections: usize,
    pub(crate) rooms: usize,
    /// Entries that wait for the appender.
    pub(crate) queue: usize,
    /// How long the commit at hand lasts already; zero where none is.
    pub(crate) log_busy: std::time::Duration,
    pub(crate) draining: bool,
    /// Bytes that the log takes where it is kept.
    pub(crate) log_bytes: u64,
    /// Bytes that are free there; `None` where that isn't known or means nothing.
    pub(crate) free_bytes: Option<u64>,
}

impl Metrics {
    /// # Errors
    ///
    /// Where two figures have one name: a mistake in this file.
    pub(crate) fn new(surroundings: &Surroundings) -> Result<Self, prometheus::Error> {
        let new = New(Registry::new_custom(Some("chat".to_owned()), None)?);
        new.constants()?;
        let disk = if surroundings.has_disk() { Some(new.disk()?) } else { None };
        let certificate_expiry = match surroundings.has_certificate() {
            true => Some(new.gauge(
                "certificate_expiry_timestamp_seconds",
                "When the certificate in use ends, in Unix time; 0 where it doesn't say.",
            )?),
            false => None,
        };
        let metrics = Self {
            connections_total: new.counter("connections_total", "Connections accepted.")?,
            connections: new.gauge("connections", "Connections held.")?,
            sessions: new.gauges(
                "sessions",
                "Sessions admitted, by dialect and transport.",
                &["dialect", "transport"],
            )?,
            rooms: new.gauge("rooms", "Rooms that have people, messages or a topic.")?,
            messages_total: new.counter("messages_total", "Messages stored in rooms.")?,
            refused_total: new.counters("refused_total", "Requests refused, by the code of the error.", &["code"])?,
            deliveries_total: new.counter("deliveries_total", "Messages handed to receivers.")?,
            received_bytes_total: new.counter("received_bytes_total", "Bytes read from clients.")?,
            sent_bytes_total: new.counter("sent_bytes_total", "Bytes written to clients.")?,
            batch_messages: new.histogram("batch_messages", "Messages stored by one commit.", &MESSAGES)?,
            commit_seconds: new.histogram("commit_seconds", "Time that one commit took.", &SECONDS)?,
            publish_to_written_seconds: new.histogram(
                "publish_to_written_seconds",
                "Time from a batch's publication until a receiver's kernel had it, of one receiver in sixteen.",
                &SECONDS,
            )?,
            lags_total: new.counter("lags_total", "Times that a receiver fell behind its room's tail.")?,
            gap_messages_total: new.counter("gap_messages_total", "Messages announced as not to be had any more.")?,
            blocked_writers: new.gauge("blocked_writers", "Sessions whose client takes nothing just now.")?,
            closings_total: new.counters(
                "closings_total",
                "Connections ended, by reason; with those that were turned away.",
                &["reason"],
            )?,
            limits_met_total: new.counters("limits_met_total", "Times that a limit was met, by limit.", &["limit"])?,
            log_refusing: new.gauge("log_refusing", "1 while the log has no room for more.")?,
            log_busy_seconds: new.seconds("log_busy_seconds", "How long the commit at hand lasts already.")?,
            queue_entries: new.gauge("append_queue_entries", "Entries that wait for the log.")?,
            runtime_busy_seconds_total: new
                .time("runtime_busy_seconds_total", "Time that the runtime's threads were busy, all together.")?,
            runtime_threads: new.gauge("runtime_threads", "Threads that run connections.")?,
            draining: new.gauge("draining", "1 while the server stops.")?,
            log_bytes: new.gauge("log_bytes", "Bytes that the log takes on disk, or in memory if it is kept there.")?,
            disk,
            certificate_expiry,
            registry: new.0,
        };
        metrics.begin_at_zero();
        Ok(metrics)
    }

    /// What hasn't happened yet is 0 and not missing, so that a rule sees the first time as an increase.
    fn begin_at_zero(&self) {
        for code in ENDS {
            self.closings_total.with_label_values(&[code.as_str()]);
        }
        for reason in SILENT_ENDS {
            self.closings_total.with_label_values(&[reason]);
        }
        for code in [ErrorCode::StorageFull, ErrorCode::WrongPassword, ErrorCode::MailboxFull, ErrorCode::Limit] {
            self.refused_total.with_label_values(&[code.as_str()]);
        }
        for limit in Limit::ALL {
            self.limits_met_total.with_label_values(&[limit.name()]);
        }
    }

    /// Counts that a limit was met.
    pub(crate) fn limit_met(&self, limit: Limit) {
        self.limits_met_total.with_label_values(&[limit.name()]).inc();
    }

    /// All figures in Prometheus' text format.
    ///
    /// May wait for a disk.
    pub(crate) fn render(&self, now: Now, seen: &Seen) -> String {
        self.connections.set(count(now.connections));
        self.rooms.set(count(now.rooms));
        self.queue_entries.set(count(now.queue));
        self.log_busy_seconds.set(now.log_busy.as_secs_f64());
        self.draining.set(i64::from(now.draining));
        self.log_bytes.set(bytes(now.log_bytes));
        if let Some(disk) = &self.disk {
            // Where it can't be told there is no reason to raise an alarm.
            disk.free_bytes.set(now.free_bytes.map_or(i64::MAX, bytes));
            disk.last_backup.set(seen.last_backup.unwrap_or_default());
        }
        if let Some(expiry) = &self.certificate_expiry {
            expiry.set(seen.certificate_expiry.unwrap_or_default());
        }
        self.look_at_runtime();
        let mut out = Vec::new();
        // Writing into a vector fails only where a figure has no name.
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "the metrics can't be rendered");
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    fn look_at_runtime(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let runtime = runtime.metrics();
        let workers = runtime.num_workers();
        let busy: f64 = (0..workers).map(|worker| runtime.worker_total_busy_duration(worker).as_secs_f64()).sum();
        self.runtime_threads.set(count(workers));
        // The counter is only ever advanced; two who ask at once may make it skip what rounding leaves.
        self.runtime_busy_seconds_total.inc_by((busy - self.runtime_busy_seconds_total.get()).max(0.0));
    }
}

/// A bound whose meeting is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Turned away: there are as many connections as there may be.
    Connections,
    /// Turned away: so for its address.
    PerAddress,
    /// A message too long, and refused.
    Text,
    /// A message of too many lines, and refused.
    Lines,
    /// A line too long, and refused.
    Line,
    /// A session that is read more slowly for a while.
    Rate,
    /// A session that waited for a place in the log's queue.
    AppendQueue,
    /// A room that was not made: there are as many as there may be.
    Rooms,
    /// So for the account that wanted it.
    NewRooms,
    /// So for the guests of an address.
    GuestRooms,
    /// What a guest wanted to say, and may not any more today.
    GuestBytes,
    /// Closed for what waited for it, as too much waits for all together.
    Backlog,
    /// A wish for older messages that was refused, as those of others took too long.
    Reads,
    /// Closed for taking too long about TLS.
    TlsHandshake,
}

impl Limit {
    const ALL: [Self; 14] = [
        Self::Connections,
        Self::PerAddress,
        Self::Text,
        Self::Lines,
        Self::Line,
        Self::Rate,
        Self::AppendQueue,
        Self::Rooms,
        Self::NewRooms,
        Self::GuestRooms,
        Self::GuestBytes,
        Self::Backlog,
        Self::Reads,
        Self::TlsHandshake,
    ];

    /// The flag's name, where there is one.
    const fn name(self) -> &'static str {
        match self {
            Self::Connections => "max-connections",
            Self::PerAddress => "max-per-address",
            Self::Text => "max-text",
            Self::Lines => "max-lines",
            Self::Line => "max-line",
            Self::Rate => "max-rate",
            Self::AppendQueue => "append-queue",
            Self::Rooms => "max-rooms",
            Self::NewRooms => "max-new-rooms",
            Self::GuestRooms => "max-guest-rooms",
            Self::GuestBytes => "max-guest-bytes",
            Self::Backlog => "max-backlog",
            Self::Reads => "max-reads",
            Self::TlsHandshake => "max-tls-handshake",
        }
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn bytes(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Makes figures and enters them in the registry.
struct New(Registry);

impl New {
    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        let counter = IntCounter::new(name, help)?;
        self.0.register(Box::new(counter.clone()))?;
        Ok(counter)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
        let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(counters.clone()))?;
        Ok(counters)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        let gauge = IntGauge::new(name, help)?;
        self.0.register(Box::new(gauge.clone()))?;
        Ok(gauge)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
        let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(gauges.clone()))?;
        Ok(gauges)
    }

    fn seconds(&self, name: &str, help: &str) -> Result<Gauge, prometheus::Error> {
        let gauge = Gauge::new(name, help)?;
        self.0.register(Box::new(gauge.clone()))?;
        Ok(gauge)
    }

    fn time(&self, name: &str, help: &str) -> Result<Counter, prometheus::Error> {
        let counter = Counter::new(name, help)?;
        self.0.register(Box::new(counter.clone()))?;
        Ok(counter)
    }

    /// What is known at the start and stays so.
    fn constants(&self) -> Result<(), prometheus::Error> {
        let build = self.gauges("build_info", "1, with the version as its label.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let started = self.gauge("start_time_seconds", "When the server started, in Unix time.")?;
        started.set(surroundings::unix(std::time::SystemTime::now()));
        Ok(())
    }

    fn disk(&self) -> Result<Disk, prometheus::Error> {
        Ok(Disk {
            free_bytes: self.gauge("data_free_bytes", "Bytes free on the disk of the data folder.")?,
            last_backup: self.gauge(
                "last_backup_timestamp_seconds",
                "When the last backup of the data folder was complete, in Unix time; 0 for never.",
            )?,
        })
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
        let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?;
        self.0.register(Box::new(histogram.clone()))?;
        Ok(histogram)
    }
}
