//! What an operator sees of a running server in figures.
//!
//! Names and units follow Prometheus' conventions. No label has an alias, a room or an address as its value: their number
//! would be the peers' to choose. What is counted on the way of every delivery is one relaxed atomic addition a wake.

mod endpoint;

use prometheus::core::{AtomicU64, GenericCounter};
use prometheus::{
    Encoder as _, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

pub(crate) use endpoint::Endpoint;

/// Seconds: from what a commit takes on a fast disk to what nobody should wait for.
const SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

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
    runtime_busy_seconds_total: Gauge,
    draining: IntGauge,
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
}

impl Metrics {
    /// # Errors
    ///
    /// Where two figures have one name: a mistake in this file.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let new = New(Registry::new_custom(Some("chat".to_owned()), None)?);
        Ok(Self {
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
            closings_total: new.counters("closings_total", "Sessions ended, by reason.", &["reason"])?,
            limits_met_total: new.counters("limits_met_total", "Times that a limit was met, by limit.", &["limit"])?,
            log_refusing: new.gauge("log_refusing", "1 while the log has no room for more.")?,
            log_busy_seconds: new.seconds("log_busy_seconds", "How long the commit at hand lasts already.")?,
            queue_entries: new.gauge("append_queue_entries", "Entries that wait for the log.")?,
            runtime_busy_seconds_total: new
                .seconds("runtime_busy_seconds_total", "Time that the runtime's threads were busy, all together.")?,
            draining: new.gauge("draining", "1 while the server stops.")?,
            registry: new.0,
        })
    }

    /// All figures in Prometheus' text format.
    pub(crate) fn render(&self, now: Now) -> String {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.connections.set(count(now.connections));
        self.rooms.set(count(now.rooms));
        self.queue_entries.set(count(now.queue));
        self.log_busy_seconds.set(now.log_busy.as_secs_f64());
        self.draining.set(i64::from(now.draining));
        self.runtime_busy_seconds_total.set(runtime_busy());
        let mut out = Vec::new();
        // Writing into a vector fails only where a figure has no name.
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "the metrics can't be rendered");
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Seconds that the threads of the runtime at hand were busy.
fn runtime_busy() -> f64 {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return 0.0 };
    let metrics = runtime.metrics();
    (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker).as_secs_f64()).sum()
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

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
        let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?;
        self.0.register(Box::new(histogram.clone()))?;
        Ok(histogram)
    }
}
