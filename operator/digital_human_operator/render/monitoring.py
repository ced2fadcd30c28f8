"""Objects for Prometheus and Grafana, where the cluster serves their kinds."""

from __future__ import annotations

import json

from digital_human_operator import names
from digital_human_operator.human import Design, Human

from . import alerts
from .common import Manifest, manifest

_API = "monitoring.coreos.com/v1"


def monitors(human: Human, design: Design) -> list[Manifest]:
    """What the spec asks for, as far as the cluster serves it."""
    wanted = human.spec.monitoring
    found = []
    selector = {"matchLabels": names.selector(human.name, names.RUNTIME)}
    if wanted.pod_monitor is not None and "PodMonitor" in design.served:
        endpoint = {"port": "health", "path": "/metrics", "interval": wanted.pod_monitor.interval}
        spec = {"selector": selector, "podMetricsEndpoints": [endpoint]}
        found.append(_monitor(human, "PodMonitor", wanted.pod_monitor.labels, spec))
    if wanted.service_monitor is not None and "ServiceMonitor" in design.served:
        interval = wanted.service_monitor.interval
        endpoint = {"port": "health", "path": "/metrics", "interval": interval}
        spec = {"selector": selector, "endpoints": [endpoint]}
        found.append(_monitor(human, "ServiceMonitor", wanted.service_monitor.labels, spec))
    if wanted.rules is not None and "PrometheusRule" in design.served:
        found.append(_monitor(human, "PrometheusRule", wanted.rules.labels, alerts.rules(human)))
    if wanted.dashboards is not None:
        found.append(_dashboard(human, wanted.dashboards.labels))
    return found


def _monitor(human: Human, kind: str, labels: dict[str, str], spec: Manifest) -> Manifest:
    return manifest(human, _API, kind, human.name, names.RUNTIME, labels=labels, spec=spec)


def _dashboard(human: Human, labels: dict[str, str]) -> Manifest:
    """Found by Grafana's sidecar by its label."""
    return manifest(
        human,
        "v1",
        "ConfigMap",
        f"{human.name}-dashboard",
        names.RUNTIME,
        labels={"grafana_dashboard": "1", **labels},
        data={f"digital-human-{human.name}.json": _model(human)},
    )


def _model(human: Human) -> str:
    where = f'namespace="{human.namespace}",pod=~"{human.name}-.*"'
    panels = [
        (
            "Pods that answer",
            "none",
            f'kube_deployment_status_replicas_available{{deployment="{human.name}"}}',
        ),
        ("Active sessions", "none", f"sum(digital_human_sessions_active{{{where}}})"),
        (
            "CPU",
            "none",
            f"sum(rate(container_cpu_usage_seconds_total{{{where}}}[$__rate_interval]))",
        ),
        ("Memory", "bytes", f"sum(container_memory_working_set_bytes{{{where}}})"),
        ("GPU activity", "percentunit", f"avg(DCGM_FI_PROF_GR_ENGINE_ACTIVE{{{where}}})"),
    ]
    return json.dumps(
        {
            "title": f"Digital human {human.name}",
            "uid": f"dh-{human.uid[:36]}",
            "editable": False,
            "schemaVersion": 39,
            "time": {"from": "now-1h", "to": "now"},
            "templating": {
                "list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]
            },
            "panels": [
                _panel(number, title, unit, query)
                for number, (title, unit, query) in enumerate(panels)
            ],
        },
        indent=1,
        sort_keys=True,
    )


def _panel(number: int, title: str, unit: str, query: str) -> Manifest:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "description": f"{title} of this digital human.",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [{"refId": "A", "expr": query}],
    }
