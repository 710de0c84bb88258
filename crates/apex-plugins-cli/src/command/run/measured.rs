//! What the run cost, for `-v`: calls, errors and times of each action that was called.

use apex_plugins::{PluginManager, exec::ActionMetrics};

/// Tells the log how the calls went.
pub(super) fn tell(manager: &PluginManager) {
    for metrics in manager.metrics().iter().filter(|metrics| metrics.calls > 0) {
        let ActionMetrics { plugin, version, action, calls, errors, .. } = metrics;
        let kinds: Vec<_> = metrics.errors_by_kind.iter().map(|(kind, count)| format!("{kind}: {count}")).collect();
        tracing::info!(
            %plugin,
            %version,
            action,
            calls,
            errors,
            kinds = (!kinds.is_empty()).then(|| kinds.join(", ")),
            median_below = metrics.latency.quantile(0.5).map(tracing::field::debug),
            p99_below = metrics.latency.quantile(0.99).map(tracing::field::debug),
            slow_polls = (metrics.slow_polls > 0).then_some(metrics.slow_polls),
            slowest_poll = (metrics.slow_polls > 0).then(|| tracing::field::debug(metrics.slowest_poll)),
            progress_given_up = (metrics.progress_given_up > 0).then_some(metrics.progress_given_up),
            "calls of this run",
        );
    }
}
