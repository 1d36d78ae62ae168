//! Latencies: recorded in nanoseconds, told in milliseconds.

use hdrhistogram::Histogram;
use serde::Serialize;

/// A distribution of latencies from a microsecond to a minute, each to three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latency(Histogram<u64>);

/// Its percentiles, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
    /// What a plot shows: nines (0 for 0 %, 1 for 90 %, 2 for 99 % …) and milliseconds.
    #[serde(skip)]
    pub(crate) curve: Vec<(f64, f64)>,
}

impl Default for Latency {
    fn default() -> Self {
        // These bounds are accepted; were they not, the one with any range still records.
        let bounded = Histogram::new_with_bounds(1_000, 60_000_000_000, 3);
        #[expect(clippy::expect_used, reason = "three digits are allowed, whatever the range")]
        Self(bounded.or_else(|_| Histogram::new(3)).expect("a histogram of three digits"))
    }
}

impl Latency {
    pub(crate) fn record(&mut self, nanos: u64) {
        self.0.saturating_record(nanos);
    }

    /// `None` where nothing was recorded.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1e6;
        let nines = |step: u32| f64::from(step) / 20.0;
        let count = self.0.len();
        // As far as there are ten values beyond.
        let last = (count as f64 / 10.0).max(1.0).log10();
        let curve = (0..=100).map(nines).take_while(|nines| *nines <= last).map(|n| (n, at(1.0 - 0.1_f64.powf(n))));
        (count > 0).then(|| Percentiles {
            count,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.0.max() as f64 / 1e6,
            curve: curve.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_milliseconds() {
        let mut latency = Latency::default();
        assert_eq!(latency.percentiles(), None);
        (1..=1000).for_each(|ms| latency.record(ms * 1_000_000));
        let percentiles = latency.percentiles().expect("percentiles");
        assert_eq!(percentiles.count, 1000);
        assert!((percentiles.p50 - 500.0).abs() < 1.0, "{percentiles:?}");
        assert!((percentiles.p99 - 990.0).abs() < 2.0, "{percentiles:?}");
        assert!((percentiles.max - 1000.0).abs() < 1.0, "{percentiles:?}");
        assert!(percentiles.curve.last().is_some_and(|(nines, _)| *nines <= 2.0));
    }
}
