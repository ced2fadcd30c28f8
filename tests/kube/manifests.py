"""A manifest of each kind that obeys the rules in ``normal``, and changes that break one each."""

from __future__ import annotations

from typing import Any

from digital_human_operator.kube.desired import Desired
from digital_human_operator.kube.resources import Resource

LABEL = "test/instance"
RESOURCES = {
    r.kind: r
    for r in (
        Resource("apps", "v1", "Deployment", "deployments"),
        Resource("apps", "v1", "StatefulSet", "statefulsets"),
        Resource("", "v1", "Service", "services"),
        Resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
        Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
        Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
        Resource("networking.k8s.io", "v1", "Ingress", "ingresses"),
        Resource("batch", "v1", "CronJob", "cronjobs"),
        Resource("batch", "v1", "Job", "jobs"),
        Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
        Resource("", "v1", "ConfigMap", "configmaps"),
        Resource("", "v1", "Secret", "secrets"),
        Resource("", "v1", "ServiceAccount", "serviceaccounts"),
        Resource("rbac.authorization.k8s.io", "v1", "Role", "roles"),
        Resource("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    )
}
POD_NAME = {"apiVersion": "v1", "fieldPath": "metadata.name"}
SELECTOR = {"matchLabels": {"app": "x"}}


def pod_template(**spec: Any) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "registry.example/x:1",
        "command": ["run"],
        "args": ["--a"],
        "ports": [{"name": "http", "containerPort": 8000}, {"containerPort": 9090}],
        "env": [
            {"name": "A", "value": "1000m"},
            {"name": "EMPTY"},
            {"name": "POD", "valueFrom": {"fieldRef": POD_NAME}},
            {
                "name": "KEY",
                "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}},
            },
            {
                "name": "MEM",
                "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}},
            },
        ],
        "envFrom": [{"configMapRef": {"name": "c"}}],
        "resources": {
            "requests": {"cpu": "1000m", "memory": "1024Mi", "nvidia.com/gpu": 1},
            "limits": {"cpu": 2, "memory": "2Gi", "nvidia.com/gpu": "1"},
        },
        "livenessProbe": {"httpGet": {"path": "/live", "port": "http"}, "periodSeconds": 10},
        "startupProbe": {"tcpSocket": {"port": 8000}, "failureThreshold": 30},
        "readinessProbe": {"grpc": {"port": 9090}},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a path in a container
            {"name": "conf", "mountPath": "/conf", "readOnly": True},
        ],
    }
    return {
        "metadata": {"labels": {"app": "x"}, "annotations": {"checksum": "1"}},
        "spec": {
            "serviceAccountName": "x",
            "automountServiceAccountToken": False,
            "initContainers": [{"name": "init", "image": "registry.example/i:1"}],
            "containers": [container],
            "nodeSelector": {"gpu": "a100"},
            "tolerations": [
                {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
            ],
            "affinity": {
                "podAntiAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "weight": 100,
                            "podAffinityTerm": {
                                "labelSelector": SELECTOR,
                                "topologyKey": "kubernetes.io/hostname",
                            },
                        }
                    ]
                }
            },
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "topology.kubernetes.io/zone",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": SELECTOR,
                }
            ],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "fsGroup": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "terminationGracePeriodSeconds": 60,
            "volumes": [
                {"name": "tmp", "emptyDir": {"sizeLimit": "1024Mi"}},
                {"name": "scratch", "emptyDir": {}},
                {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "0.5Gi"}},
                {"name": "conf", "configMap": {"name": "c"}},
                {"name": "sec", "secret": {"secretName": "s", "optional": True}},
                {"name": "data", "persistentVolumeClaim": {"claimName": "x"}},
                {
                    "name": "both",
                    "projected": {
                        "defaultMode": 420,
                        "sources": [
                            {"secret": {"name": "s", "items": [{"key": "k", "path": "k"}]}},
                            {"configMap": {"name": "c"}},
                            {
                                "serviceAccountToken": {
                                    "path": "token",
                                    "audience": "a",
                                    "expirationSeconds": 3600,
                                }
                            },
                        ],
                    },
                },
            ],
            **spec,
        },
    }


def claim_spec() -> dict[str, Any]:
    return {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1024Mi"}},
        "volumeMode": "Filesystem",
        "storageClassName": "standard",
    }


JOB_SPEC = {
    "backoffLimit": 0,
    "ttlSecondsAfterFinished": 100,
    "activeDeadlineSeconds": 60,
    "template": pod_template(restartPolicy="Never"),
}
MANIFESTS: dict[str, dict[str, Any]] = {
    "Deployment": {
        "spec": {
            "replicas": 0,
            "selector": SELECTOR,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}},
            "minReadySeconds": 5,
            "template": pod_template(),
        }
    },
    "StatefulSet": {
        "spec": {
            "serviceName": "x",
            "replicas": 1,
            "selector": SELECTOR,
            "podManagementPolicy": "Parallel",
            "template": pod_template(),
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"},
            "volumeClaimTemplates": [
                {"metadata": {"name": "v", "labels": {"a": "b"}}, "spec": claim_spec()}
            ],
        }
    },
    "Service": {
        "spec": {
            "selector": {"app": "x"},
            "type": "LoadBalancer",
            "sessionAffinity": "ClientIP",
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
            "ports": [
                {"name": "http", "port": 80, "targetPort": "http"},
                {"name": "ws", "port": 8080, "targetPort": 8000, "appProtocol": "http"},
            ],
        }
    },
    "HorizontalPodAutoscaler": {
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
            "minReplicas": 3,
            "maxReplicas": 10,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 70},
                    },
                },
                {
                    "type": "Pods",
                    "pods": {
                        "metric": {"name": "sessions", "selector": SELECTOR},
                        "target": {"type": "AverageValue", "averageValue": "1500m"},
                    },
                },
                {
                    "type": "External",
                    "external": {
                        "metric": {"name": "q"},
                        "target": {"type": "Value", "value": "2000m"},
                    },
                },
            ],
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "selectPolicy": "Max",
                    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
                },
                "scaleDown": {
                    "stabilizationWindowSeconds": 300,
                    "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                },
            },
        }
    },
    "PodDisruptionBudget": {"spec": {"minAvailable": 2, "selector": SELECTOR}},
    "NetworkPolicy": {
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": [{"namespaceSelector": {}, "podSelector": SELECTOR}],
                    "ports": [{"protocol": "TCP", "port": 8000}],
                },
                {},
            ],
            "egress": [
                {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": "dns"}]},
                {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]},
            ],
        }
    },
    "Ingress": {
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["x.example"], "secretName": "s"}],
            "rules": [
                {
                    "host": "x.example",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "x", "port": {"name": "http"}}},
                            }
                        ]
                    },
                }
            ],
        }
    },
    "CronJob": {
        "spec": {
            "schedule": "0 3 * * *",
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "suspend": False,
            "successfulJobsHistoryLimit": 0,
            "jobTemplate": {"metadata": {"labels": {"app": "x"}}, "spec": JOB_SPEC},
        }
    },
    "Job": {"spec": JOB_SPEC},
    "PersistentVolumeClaim": {"spec": claim_spec()},
    "ConfigMap": {"data": {"a": "b", "empty": ""}, "binaryData": {"c": "AAA="}},
    "Secret": {"type": "Opaque", "data": {"a": "Yg=="}},
    "ServiceAccount": {
        "automountServiceAccountToken": False,
        "imagePullSecrets": [{"name": "p"}],
    },
    "Role": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]},
    "RoleBinding": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
        "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "default"}],
    },
}


POD = ("spec", "template", "spec")
MAIN = (*POD, "containers", 0)
# Each breaks one rule: (kind, where, what is put there).
BROKEN: dict[str, tuple[str, tuple[str | int, ...], Any]] = {
    "zero number": ("Deployment", ("spec", "minReadySeconds"), 0),
    "zero delay": ("Deployment", (*MAIN, "livenessProbe", "initialDelaySeconds"), 0),
    "false flag": ("Service", ("spec", "publishNotReadyAddresses"), False),
    "false mount": ("Deployment", (*MAIN, "volumeMounts", 0, "readOnly"), False),
    "false host network": ("Deployment", (*POD, "hostNetwork"), False),
    "empty value": ("Deployment", (*MAIN, "env", 1, "value"), ""),
    "empty medium": ("Deployment", (*POD, "volumes", 1, "emptyDir"), {"medium": ""}),
    "empty struct with defaults": ("Deployment", ("spec", "strategy"), {}),
    "empty rolling update": (
        "Deployment",
        ("spec", "strategy"),
        {"type": "RollingUpdate", "rollingUpdate": {}},
    ),
    "empty subpath": ("Deployment", (*MAIN, "volumeMounts", 0, "subPath"), ""),
    "field without version": (
        "Deployment",
        (*MAIN, "env", 2, "valueFrom", "fieldRef"),
        {"fieldPath": "metadata.name"},
    ),
    "resource without divisor": (
        "Deployment",
        (*MAIN, "env", 4, "valueFrom", "resourceFieldRef"),
        {"resource": "limits.memory"},
    ),
    "token without expiry": (
        "Deployment",
        (*POD, "volumes", 6, "projected", "sources", 2, "serviceAccountToken"),
        {"path": "token"},
    ),
    "policy port without protocol": (
        "NetworkPolicy",
        ("spec", "ingress", 0, "ports"),
        [{"port": 8000}],
    ),
    "policy without types": ("NetworkPolicy", ("spec", "policyTypes"), None),
    "claim template without mode": (
        "StatefulSet",
        ("spec", "volumeClaimTemplates", 0, "spec"),
        {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    ),
    "user without group": ("RoleBinding", ("subjects",), [{"kind": "User", "name": "u"}]),
    "empty ingress host": ("Ingress", ("spec", "rules", 0, "host"), ""),
    "wrapped base64": ("Secret", ("data", "a"), "Yg==\n"),
    "downward": (
        "Deployment",
        (*POD, "volumes", 6, "projected", "sources", 0),
        {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ),
}

# Looks as if it broke a rule, but does not.
HARMLESS: dict[str, tuple[str, tuple[str | int, ...], Any]] = {
    "empty fieldless volume": ("Deployment", (*POD, "volumes", 3, "configMap", "items"), []),
    "behaviour without policies": (
        "HorizontalPodAutoscaler",
        ("spec", "behavior", "scaleDown"),
        {"stabilizationWindowSeconds": 300},
    ),
    "rules null": ("Role", ("rules",), []),
    "int as string": ("PodDisruptionBudget", ("spec", "minAvailable"), "50%"),
    "suspend": ("Job", ("spec", "suspend"), False),
    "pod security empty": ("Deployment", (*POD, "securityContext"), {}),
    "resources empty": ("Deployment", (*MAIN, "resources"), {}),
    "tolerations": ("Deployment", (*POD, "tolerations"), [{"key": "a"}]),
    "http probe": ("Deployment", (*MAIN, "livenessProbe", "httpGet", "scheme"), "HTTP"),
}


def manifest(kind: str, namespace: str, owner: str | None = "11111111-2222") -> Desired:
    metadata: dict[str, Any] = {"name": "x", "namespace": namespace, "labels": {LABEL: "x"}}
    if owner is not None:
        metadata["annotations"] = {}
        metadata["ownerReferences"] = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": "owner",
                "uid": owner,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    resource = RESOURCES[kind]
    body = {"apiVersion": resource.api_version, "kind": kind, "metadata": metadata}
    return Desired(resource, namespace, "x", body | MANIFESTS[kind])
