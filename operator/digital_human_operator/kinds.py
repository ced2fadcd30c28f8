"""Every kind that the operator reads or writes, and where it lives on the API server."""

from __future__ import annotations

from digital_human_operator.api.v1alpha1 import GROUP, VERSION
from digital_human_operator.kube.resources import Resource
from digital_human_operator.names import CUSTOM_METRICS, RESOURCE_METRICS

HUMANS = Resource(GROUP, VERSION, "DigitalHuman", "digitalhumans")
BACKUPS = Resource(GROUP, VERSION, "DigitalHumanBackup", "digitalhumanbackups")
RESTORES = Resource(GROUP, VERSION, "DigitalHumanRestore", "digitalhumanrestores")
OWN = (HUMANS, BACKUPS, RESTORES)

PODS = Resource("", "v1", "Pod", "pods")
CLAIMS = Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")

_RBAC = "rbac.authorization.k8s.io"
_GATEWAY = "gateway.networking.k8s.io"
_MONITORING = "monitoring.coreos.com"

CHILDREN = (
    Resource("", "v1", "ServiceAccount", "serviceaccounts"),
    Resource("", "v1", "ConfigMap", "configmaps"),
    Resource("", "v1", "Secret", "secrets"),
    Resource("", "v1", "Service", "services"),
    CLAIMS,
    Resource(_RBAC, "v1", "Role", "roles"),
    Resource(_RBAC, "v1", "RoleBinding", "rolebindings"),
    Resource("apps", "v1", "Deployment", "deployments"),
    Resource("apps", "v1", "StatefulSet", "statefulsets"),
    Resource("batch", "v1", "Job", "jobs"),
    Resource("batch", "v1", "CronJob", "cronjobs"),
    Resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    Resource("networking.k8s.io", "v1", "Ingress", "ingresses"),
)
"""Kinds that every cluster serves."""

OPTIONAL = (
    Resource(_GATEWAY, "v1", "HTTPRoute", "httproutes"),
    Resource(_MONITORING, "v1", "PodMonitor", "podmonitors"),
    Resource(_MONITORING, "v1", "ServiceMonitor", "servicemonitors"),
    Resource(_MONITORING, "v1", "PrometheusRule", "prometheusrules"),
)
"""Kinds of other projects: used only while they are served."""

METRICS = (RESOURCE_METRICS, CUSTOM_METRICS)
"""Groups that the cluster's autoscaler reads."""

BY_KIND = {resource.kind: resource for resource in (*CHILDREN, *OPTIONAL)}

WORKLOADS = frozenset({"Deployment", "StatefulSet", "Job", "CronJob"})
"""Kinds that start Pods."""

WRITTEN_ONCE = frozenset({"Secret", "Job"})
"""Kinds of which we put back owner and labels only: passwords stay, and Jobs cannot be changed."""

SECOND = WORKLOADS | {"RoleBinding"}
"""Kinds that are applied after the others: Pods need those, and a binding needs its role."""
