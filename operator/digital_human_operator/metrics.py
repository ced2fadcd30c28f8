"""
Every metric of the operator, declared once.

The names and labels are controller-runtime's, so that dashboards and alerts made for Go
controllers work here too. What has no counterpart there starts with ``digital_human_operator_``.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from digital_human_operator.told import Told

REGISTRY = CollectorRegistry(auto_describe=True)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

RECONCILE_TOTAL = Counter(
    "controller_runtime_reconcile",
    "Reconciles by result.",
    ["controller", "result"],
    registry=REGISTRY,
)
RECONCILE_ERRORS = Counter(
    "controller_runtime_reconcile_errors",
    "Reconciles that failed and will be tried again.",
    ["controller"],
    registry=REGISTRY,
)
RECONCILE_SECONDS = Histogram(
    "controller_runtime_reconcile_time_seconds",
    "Duration of reconciles.",
    ["controller"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
MAX_CONCURRENT = Gauge(
    "controller_runtime_max_concurrent_reconciles",
    "Workers that may run at once.",
    ["controller"],
    registry=REGISTRY,
)
ACTIVE_WORKERS = Gauge(
    "controller_runtime_active_workers",
    "Workers that run now.",
    ["controller"],
    registry=REGISTRY,
)
QUEUE_DEPTH = Gauge("workqueue_depth", "Keys that wait.", ["name", "controller"], registry=REGISTRY)
QUEUE_ADDS = Counter(
    "workqueue_adds", "Keys that were added.", ["name", "controller"], registry=REGISTRY
)
QUEUE_RETRIES = Counter(
    "workqueue_retries", "Keys that were tried again.", ["name", "controller"], registry=REGISTRY
)
QUEUE_SECONDS = Histogram(
    "workqueue_queue_duration_seconds",
    "How long a key waited.",
    ["name", "controller"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
WORK_SECONDS = Histogram(
    "workqueue_work_duration_seconds",
    "How long work on a key took.",
    ["name", "controller"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
REQUESTS = Counter(
    "rest_client_requests",
    "Requests to the API server.",
    ["code", "method", "resource"],
    registry=REGISTRY,
)
LEADER = Gauge(
    "leader_election_master_status",
    "1 while this process holds the Lease.",
    ["name"],
    registry=REGISTRY,
)
APPLIES = Counter(
    "digital_human_operator_applies",
    "Children looked at, by what had to be done.",
    ["kind", "result"],
    registry=REGISTRY,
)
OBJECTS = Gauge(
    "digital_human_operator_objects",
    "Custom resources by phase.",
    ["kind", "phase"],
    registry=REGISTRY,
)
LOOP_LAG = Gauge(
    "digital_human_operator_event_loop_lag_seconds",
    "How late the event loop was at the last look.",
    registry=REGISTRY,
)
TOLD = Told()
"""Reads what the program of this process has seen, once that is known."""
REGISTRY.register(TOLD)
BUILD = Info("digital_human_operator_build", "Version of the operator.", registry=REGISTRY)
