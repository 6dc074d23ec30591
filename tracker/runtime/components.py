"""The parts of a running tracker, for code that inspects them."""

import attrs

from tracker.core.cluster import ClusterReport
from tracker.runtime.aggregator import Aggregator
from tracker.runtime.alert_task import AlertTask
from tracker.runtime.completion_budget import BudgetView
from tracker.runtime.restarting_task import RestartingTask
from tracker.runtime.supervisor import Supervisor
from tracker.store import Store


@attrs.define
class RestartingTasks:
    """``cluster``: None without a cluster."""

    canary: RestartingTask
    aggregator: RestartingTask
    writer: RestartingTask
    alerts: RestartingTask
    cluster: RestartingTask | None = None


@attrs.frozen
class TrackerComponents:
    """The parts of a running tracker that can be inspected."""

    store: Store
    aggregator: Aggregator
    supervisor: Supervisor
    keepers: RestartingTasks
    alerts: AlertTask
    cluster: ClusterReport | None = None

    def view_budget(self) -> BudgetView:
        """Return what the checks may spend on completions, and have spent."""
        shared = self.supervisor.shared
        return shared.budget.view(shared.clock.now())
