"""
For each CEL rule of the CRDs: what it lets pass and what it refuses.

``rule`` is where the rule stands, ``says`` a part of its message. Samples are specs as YAML; a rule
about a change has (old, new) pairs.
"""

from dataclasses import dataclass, replace
from typing import Any

import yaml

from tests.api.schemas import JsonObject

KEY = "each key of {} must be a name"
VALUE = "each value of {} must be at most 63"
ONE = "exactly one of "
LONG = "x" * 64
DIGEST = "a" * 64
FETCHED = "llm: {transformers: {model: m, source: {huggingFace: {repository: a/b}}}}"


@dataclass(frozen=True)
class Sample:
    """One rule with an accepted and a refused spec."""

    rule: str
    says: str
    accepted: str | tuple[str, str]
    refused: str | tuple[str, str]
    kind: str = "DigitalHuman"
    name: str | None = None
    alone: bool = True
    """Whether no other rule refuses the same spec."""

    def __str__(self) -> str:
        return f"{self.kind}{self.rule}-{self.says}"


def parsed(text: str) -> JsonObject:
    """The spec that a sample writes."""
    found: JsonObject = yaml.safe_load(text) or {}
    return found


def _put(rule: str, says: str, accepted: str, refused: str, around: str = "@") -> Sample:
    """A sample whose specs differ in one place only, written @ in ``around``."""
    return Sample(rule, says, around.replace("@", accepted), around.replace("@", refused))


def _labels(rule: str, field: str, around: str, *, keys_only: bool = False) -> list[Sample]:
    found = [_put(rule, KEY.format(field), "{a.b/c: d}", f"{{{LONG}: d}}", around)]
    if not keys_only:
        found.append(_put(rule, VALUE.format(field), "{a: b, c: ''}", "{a: b c}", around))
    return found


def _places(rule: str, around: str) -> list[Sample]:
    def put(says: str, accepted: str, refused: str, inner: str) -> Sample:
        taint = around.replace("@", f"{{tolerations: [{{{inner}}}]}}")
        return _put(f"{rule}.tolerations[]", says, accepted, refused, taint)

    return [
        *_labels(rule, "nodeSelector", around.replace("@", "{nodeSelector: @}")),
        put("a toleration without key", "Exists", "Equal", "operator: @"),
        put(
            "tolerationSeconds is for",
            "effect: NoExecute",
            "effect: NoSchedule",
            "key: a, operator: Exists, tolerationSeconds: 5, @",
        ),
        put("value must be absent", "Equal", "Exists", "key: a, value: b, operator: @"),
    ]


def _reserved(rule: str, field: str, around: str) -> Sample:
    says = f"{field} must not use app.kubernetes.io/"
    return _put(rule, says, "{team: a}", "{aiqtoolkit.io/name: a}", around)


def _address(rule: str, field: str, around: str, scheme: str = "https") -> list[Sample]:
    good = f"{scheme}://models.example.com/v1"
    return [
        _put(rule, f"{field} must not carry", good, f"{scheme}://me:key@example.com", around),
        _put(rule, f"{field} must not point", good, f"{scheme}://169.254.169.254/v1", around),
    ]


def _resources(rule: str, around: str) -> list[Sample]:
    def sample(says: str, accepted: str, refused: str) -> Sample:
        return _put(rule, says, accepted, refused, around)

    return [
        sample("GPUs do not belong into requests", "{requests: {cpu: 1}}",
               "{requests: {nvidia.com/gpu: 1}}"),
        sample("GPUs do not belong into limits", "{limits: {cpu: 1}}",
               "{limits: {nvidia.com/gpu: 1}}"),
        sample(KEY.format("requests"), "{requests: {cpu: 1}}", "{requests: {'c u': 1}}"),
        sample(KEY.format("limits"), "{limits: {cpu: 1}}", "{limits: {-cpu: 1}}"),
        sample("each request must be at most its limit",
               "{requests: {cpu: 1500m}, limits: {cpu: 2}}",
               "{requests: {memory: 2Gi}, limits: {memory: 1e3}}"),
    ]  # fmt: skip


SPEC = [
    Sample("", "the name must start with a letter", "{}", "{}", name="1-ada"),
    Sample("", "the name must not be default", "{}", "{}", name="default"),
    Sample(".spec", "sessions.store cannot be changed",
           ("sessions: {store: {memory: {}}}", "sessions: {perReplica: 4}"),
           ("sessions: {store: {redis: {managed: {}}}}", "{}")),
    Sample(".spec", "storage.models must fit the volume",
           (FETCHED, f"{{{FETCHED}, storage: {{models: {{size: 600Gi}}}}}}"),
           (FETCHED, f"{{{FETCHED}, storage: {{models: {{accessMode: ReadWriteMany}}}}}}")),
    _put(".spec", "replicas and autoscaling exclude", "replicas: 3",
         "{replicas: 3, autoscaling: {maxReplicas: 5}}"),
    _put(".spec", "minAvailable must be smaller than replicas", "1", "3",
         "{replicas: 3, availability: {minAvailable: @}}"),
    _put(".spec", "minAvailable must be smaller than autoscaling.maxReplicas", "4", "5",
         "{autoscaling: {maxReplicas: 5}, availability: {minAvailable: @}}"),
    _put(".spec", "minAvailable is rounded up", "66%", "67%",
         "{replicas: 3, availability: {minAvailable: @}}"),
    _put(".spec", "set llm.transformers.precision to int8", "int8", "fp8",
         "{gpu: {profile: a100-80gb}, llm: {transformers: {model: m, precision: @}}}"),
    _put(".spec", "must name the same format", "int8", "int4",
         "{gpu: {profile: l4, quantization: {method: int8}},"
         " llm: {transformers: {model: m, precision: @}}}"),
    _put(".spec", "gpu.quantization needs a model", "transformers: {model: m, precision: int8}",
         "builtin: {}", "{gpu: {profile: l4, quantization: {method: int8}}, llm: {@}}"),
    _put(".spec", "autoscaling.gpu needs a GPU", "l4", "none",
         "{gpu: {profile: @}, autoscaling: {maxReplicas: 5, gpu: 80}}"),
    _put(".spec", "sessionsPerReplica must be at most", "8", "9",
         "autoscaling: {maxReplicas: 5, sessionsPerReplica: @}"),
    _put(".spec", "backup.include names sessions", "{redis: {managed: {}}}", "{memory: {}}",
         "{sessions: {store: @}, backup: {schedule: 0 2 * * *, include: [sessions],"
         " destination: {s3: {bucket: abc}}}}"),
    _put(".spec", "FinalBackup needs backup", "Retain", "FinalBackup", "deletionPolicy: @"),
    _put(".spec", "a Paused human cannot be suspended", "Running", "Paused",
         "{mode: @, budget: {monthly: 10, onExceed: Suspend}}"),
    _put(".spec.audit", ONE + "database", "", ", volume: {claimName: c}",
         "audit: {database: {urlSecret: {name: s, key: k}}@}"),
]  # fmt: skip

LIFE = [
    _put(".spec.autoscaling", "minReplicas must be at most", "5", "6",
         "autoscaling: {minReplicas: @, maxReplicas: 5}"),
    _put(".spec.autoscaling", "minReplicas of each schedule", "5", "6", "autoscaling: {maxReplicas:"
         " 5, schedules: [{name: a, start: 0 8 * * *, duration: 8h, minReplicas: @}]}"),
    _put(".spec.autoscaling.schedules[]", "duration must be between", "1h30m", "59s",
         "autoscaling: {maxReplicas: 5, schedules: [{name: a, start: 0 8 * * *, duration: @,"
         " minReplicas: 1}]}"),
    _put(".spec.autoscaling.schedules[].start", "five cron fields", "0 8 * * mon-FRI", "0 8 * * 7",
         "autoscaling: {maxReplicas: 5, schedules: [{name: a, start: @, duration: 8h,"
         " minReplicas: 1}]}"),
    _put(".spec.availability", "maxUnavailable 0 would", "1%", "0%",
         "availability: {maxUnavailable: @}"),
    _put(".spec.availability", "minAvailable 100% would", "99%", "100%",
         "availability: {minAvailable: @}"),
    _put(".spec.availability", "minAvailable and maxUnavailable exclude", "", ", minAvailable: 0",
         "availability: {maxUnavailable: 1@}"),
    _put(".spec.availability.failover", "timeout must be between", "1s", "0s",
         "availability: {failover: {timeout: @}}"),
    _put(".spec.sessions", "affinityTimeout must be", "24h", "24h1s",
         "sessions: {affinityTimeout: @}"),
    _put(".spec.sessions", "drainDeadline must be", "0s", "25h", "sessions: {drainDeadline: @}"),
    _put(".spec.sessions", "idleTimeout must be", "10s", "9999ms", "sessions: {idleTimeout: @}"),
    _put(".spec.sessions.store", ONE + "memory", "", ", redis: {managed: {}}",
         "sessions: {store: {memory: {}@}}"),
    _put(".spec.sessions.store.redis", ONE + "managed", "{managed: {}}", "{}",
         "sessions: {store: {redis: @}}"),
    Sample(".spec.sessions.store.redis", "managed and external cannot be exchanged",
           ("sessions: {store: {redis: {managed: {}}}}",
            "sessions: {store: {redis: {managed: {resources: {cpu: 200m}}}}}"),
           ("sessions: {store: {redis: {managed: {}}}}",
            "sessions: {store: {redis: {external: {url: 'redis://r'}}}}")),
    Sample(".spec.sessions.store.redis", "storageClass cannot be changed",
           ("sessions: {store: {redis: {managed: {storageClass: a}}}}",
            "sessions: {store: {redis: {managed: {storageClass: a, resources: {cpu: 200m}}}}}"),
           ("sessions: {store: {redis: {managed: {storageClass: a}}}}",
            "sessions: {store: {redis: {managed: {}}}}")),
    *_address(".spec.sessions.store.redis.external", "url",
              "sessions: {store: {redis: {external: {url: '@'}}}}", "rediss"),
    Sample(".spec.sessions.store.redis.managed", "storage cannot be changed",
           ("sessions: {store: {redis: {managed: {storage: 1Gi}}}}",
            "sessions: {store: {redis: {managed: {storage: 1024Mi}}}}"),
           ("sessions: {store: {redis: {managed: {storage: 1Gi}}}}",
            "sessions: {store: {redis: {managed: {storage: 2Gi}}}}")),
    _put(".spec.sessions.store.redis.managed", "storage must be more than 0", "1", "0",
         "sessions: {store: {redis: {managed: {storage: @}}}}"),
    _put(".spec.rollout", ONE + "rolling", "", ", recreate: {}", "rollout: {rolling: {}@}"),
    _put(".spec.rollout.blueGreen", "oldSessionDeadline must be", "24h", "24h1ms",
         "rollout: {blueGreen: {oldSessionDeadline: @}}"),
    _put(".spec.rollout.rolling", "cannot both be 0", "0, maxUnavailable: 25%",
         "0%, maxUnavailable: 0", "rollout: {rolling: {maxSurge: @}}"),
]  # fmt: skip

MIND = [
    _put(".spec.llm", ONE + "transformers", "builtin: {}", "", "llm: {@}"),
    _put(".spec.llm.openAI", "timeout must be", "1h", "61m",
         "llm: {openAI: {url: 'https://a', model: m, timeout: @}}"),
    *_address(".spec.llm.openAI", "url", "llm: {openAI: {url: '@', model: m}}"),
    _put(".spec.llm.transformers", "maxNewTokens must be smaller", "255", "256",
         "llm: {transformers: {model: m, contextLength: 256, maxNewTokens: @}}"),
    _put(".spec.llm.transformers.source", ONE + "persistentVolumeClaim",
         "huggingFace: {repository: a/b}", "", "llm: {transformers: {model: m, source: {@}}}"),
    *_address(".spec.llm.transformers.source.huggingFace", "endpoint", "llm: {transformers:"
              " {model: m, source: {huggingFace: {repository: a/b, endpoint: '@'}}}}"),
    *_address(".spec.llm.transformers.source.objectStore", "endpoint", "llm: {transformers:"
              " {model: m, source: {objectStore: {url: 's3://abc/m', endpoint: '@'}}}}"),
    _put(".spec.llm.transformers.source.oci", "reference must end in", f"r.io/m@sha256:{DIGEST}",
         "r.io/m:v1", "llm: {transformers: {model: m, source: {oci: {reference: '@'}}}}"),
    _put(".spec.llm.transformers.source.persistentVolumeClaim", "path must be relative", "a/b",
         "a/../../b", "llm: {transformers: {model: m, source: {persistentVolumeClaim: {claimName:"
         " c, path: @}}}}"),
    _put(".spec.speech", ONE + "espeak", "", ", piper: {url: 'http://p'}", "speech: {espeak: {}@}"),
    *_address(".spec.speech.piper", "url", "speech: {piper: {url: '@'}}"),
    *_address(".spec.speech.http", "url", "speech: {http: {url: '@'}}"),
    *_address(".spec.transcription.http", "url", "transcription: {http: {url: '@'}}"),
    _put(".spec.speech.riva", "address must not point", "riva.example:50051",
         "metadata.google.internal:80", "speech: {riva: {address: '@'}}"),
]  # fmt: skip

_ENV = "podTemplate: {env: [{@}]}"
BODY = [
    _put(".spec.face", ONE + "embedded", "", ", managed: {gpu: {profile: l4}}",
         "face: {embedded: {}@}"),
    _put(".spec.face.emotion", "preferred must hold emotions", "outofbreath", "happiness",
         "face: {embedded: {}, emotion: {preferred: {joy: 1, @: 0.4}}}"),
    _put(".spec.face.managed", "Audio2Face needs a GPU", "l4", "none",
         "face: {managed: {gpu: {profile: @}}}"),
    _put(".spec.face.external", "address must not point", "a2f:50051", "169.254.169.254:80",
         "face: {external: {address: '@'}}"),
    _put(".spec.face.external", "address is needed",
         "cloudFunction: {functionId: f-1, apiKeySecret: {name: nvcf, key: api-key}}", "tls: {}",
         "face: {external: {@}}"),
    _put(".spec.face.managed", "Audio2Face needs about 9 GiB", "a100-mig-2g.10gb",
         "a100-mig-1g.5gb", "face: {managed: {gpu: {profile: @}}}"),
    _put(".spec.face.managed", "Video needs a GPU", "l40s", "a100-80gb",
         "face: {managed: {output: Video, gpu: {profile: @}}}"),
    _put(".spec.face.managed.gpu", "count must be 1", "1", "2",
         "face: {managed: {gpu: {profile: a100-mig-2g.10gb, count: @}}}"),
    *_resources(
        ".spec.face.managed.resources",
        "face: {managed: {gpu: {profile: l4}, resources: @}}",
    ),
    _put(".spec.gpu", "count must be 1", "1", "2", "gpu: {profile: a100-mig-3g.40gb, count: @}"),
    _put(".spec.gpu", "need a GPU", "rtx4090", "none", "gpu: {profile: @, tensorRT: {}}"),
    _put(".spec.gpu", "use fp16 or int8", "h100", "a100-40gb",
         "gpu: {profile: @, tensorRT: {precision: fp8}}"),
    replace(_put(".spec.gpu", "use int8 or int4", "h100", "a100-40gb", "{gpu: {profile: @,"
                 " quantization: {method: fp8}}, llm: {transformers: {model: m, precision: fp8}}}"),
            alone=False),
    _put(".spec.gpu.compile", "use max-autotune", "max-autotune", "max-performance",
         "gpu: {compile: {mode: @}}"),
    _put(".spec.gpu.compile", "mode must be one of", "reduce-overhead", "fast",
         "gpu: {compile: {mode: @}}"),
    _put(".spec.gpu.pruning", "set sparsity to 0.5", "0.5", "0.4",
         "gpu: {profile: l4, pruning: {structure: '2:4', sparsity: @}}"),
    *_resources(".spec.resources", "resources: @"),
    *_places(".spec.placement", "placement: @"),
    *_places(".spec.face.managed.placement",
             "face: {managed: {gpu: {profile: l4}, placement: @}}"),
    *_labels(".spec.podTemplate", "annotations", "podTemplate: {annotations: @}", keys_only=True),
    *_labels(".spec.podTemplate", "labels", "podTemplate: {labels: @}"),
    _reserved(".spec.podTemplate", "annotations", "podTemplate: {annotations: @}"),
    _reserved(".spec.podTemplate", "labels", "podTemplate: {labels: @}"),
    _put(".spec.podTemplate.env[]", ONE + "value", "name: A, value: ''", "name: A", _ENV),
    _put(".spec.podTemplate.env[]", "names that start with DIGITAL_HUMAN_", "name: A, value: b",
         "name: DIGITAL_HUMAN_PORT, value: b", _ENV),
    _put(".spec.podTemplate.env[]", "the loader's and the GPU's", "name: LDAP, value: b",
         "name: LD_AUDIT, value: b", _ENV),
]  # fmt: skip

_EXPOSE = ".spec.network.expose"
_TO = "network: {allowTo: [{@, ports: [443]}]}"
_CIDR = "cidr must be a network"
_SCRAPES = [
    sample
    for field in ("podMonitor", "serviceMonitor")
    for sample in (
        *_labels(f".spec.monitoring.{field}", "labels", f"monitoring: {{{field}: {{labels: @}}}}"),
        _put(f".spec.monitoring.{field}", "interval must be between", "1m30s", "1.5m",
             f"monitoring: {{{field}: {{interval: @}}}}"),
    )
]  # fmt: skip
WORLD = [
    *_SCRAPES,
    *_labels(".spec.monitoring.rules", "labels", "monitoring: {rules: {labels: @}}"),
    *_labels(".spec.monitoring.dashboards", "labels", "monitoring: {dashboards: {labels: @}}"),
    _put(".spec.monitoring", "podMonitor and serviceMonitor", "", ", serviceMonitor: {}",
         "monitoring: {podMonitor: {}@}"),
    _put(".spec.network.allowFrom[]", ONE + "namespace", "", ", cidr: 10.0.0.0/8",
         "network: {allowFrom: [{namespace: a@}]}"),
    _put(".spec.network.allowFrom[]", _CIDR, "2001:db8::/32", "10.0.0.0/33",
         "network: {allowFrom: [{cidr: '@'}]}"),
    _put(".spec.network.allowTo[]", ONE + "namespace", "namespace: a",
         "namespace: a, cidr: 10.0.0.0/8", _TO),
    _put(".spec.network.allowTo[]", _CIDR, "cidr: 10.0.0.0/8", "cidr: 10.0.0.1", _TO),
    _put(".spec.network.allowTo[]", "cidr must not be link-local or a metadata", "cidr: 0.0.0.0/0",
         "cidr: 'fe80::/64'", _TO),
    *_labels(_EXPOSE, "annotations", "network: {expose: {annotations: @}}", keys_only=True),
    _reserved(_EXPOSE, "annotations", "network: {expose: {annotations: @}}"),
    _put(_EXPOSE, "each of sourceRanges", "[10.0.0.0/8, '2001:db8::/32']", "[10.0.0.1/8]",
         "network: {expose: {type: LoadBalancer, sourceRanges: @}}"),
    _put(_EXPOSE, "gateway is needed", ", gateway: {name: g}", "",
         "network: {expose: {type: Gateway@}}"),
    _put(_EXPOSE, "host is needed", ", host: a.example.com", "",
         "network: {expose: {type: Ingress@}}"),
    _put(_EXPOSE, "sourceRanges is for", "LoadBalancer", "ClusterIP",
         "network: {expose: {type: @, sourceRanges: [10.0.0.0/8]}}"),
    _put(_EXPOSE, "tlsSecret is for", "Ingress", "LoadBalancer",
         "network: {expose: {type: @, host: a.example.com, tlsSecret: s}}"),
    *_labels(".spec.security", "serviceAccountAnnotations",
             "security: {serviceAccountAnnotations: @}", keys_only=True),
    _reserved(".spec.security", "serviceAccountAnnotations",
              "security: {serviceAccountAnnotations: @}"),
    Sample(".spec.storage.models", "accessMode cannot be changed",
           ("storage: {models: {}}", "storage: {models: {accessMode: ReadWriteOnce}}"),
           ("storage: {models: {}}", "storage: {models: {accessMode: ReadWriteMany}}")),
    Sample(".spec.storage.models", "size cannot shrink",
           ("storage: {models: {}}", "storage: {models: {size: 0.5Ti}}"),
           ("storage: {models: {}}", "storage: {models: {size: 500G}}")),
    _put(".spec.storage.models", "size must be more than 0", "1e9", "0e3",
         "storage: {models: {size: @}}"),
    Sample(".spec.storage.models", "storageClass cannot be changed",
           ("storage: {models: {storageClass: a}}", "{}"),
           ("storage: {models: {}}", "storage: {models: {storageClass: a}}")),
]  # fmt: skip


def _backup(text: str) -> str:
    destination = "{persistentVolumeClaim: {claimName: c}}"
    return f"backup: {{schedule: 0 2 * * *, include: [config], destination: {destination}{text}}}"


_S3 = "{schedule: 0 2 * * *, include: [config], destination: {s3: {bucket: abc, %}}}"
_CRON = "five cron fields"
CARE = [
    _put(".spec.backup.destination", ONE + "s3", "", ", s3: {bucket: abc}", "backup: {schedule:"
         " 0 2 * * *, include: [config], destination: {persistentVolumeClaim: {claimName: c}@}}"),
    *_address(".spec.backup.destination.s3", "endpoint", f"backup: {_S3}".replace(
        "%", "endpoint: '@'")),
    _put(".spec.backup.destination.s3", "kmsKeyId needs", "KMS", "AES256",
         f"backup: {_S3}".replace("%", "serverSideEncryption: @, kmsKeyId: alias/backups")),
    _put(".spec.backup.destination.s3", "prefix must not start", "a/b", "/a",
         f"backup: {_S3}".replace("%", "prefix: @")),
    _put(".spec.backup.drill", "scratchStorage must be", "1Gi", "0Gi",
         _backup(", drill: {schedule: 0 2 * * *, scratchStorage: @}")),
    _put(".spec.backup.drill.schedule", _CRON, "*/5 0-6/2 1,15 * ?", "60 2 * * *",
         _backup(", drill: {schedule: '@'}")),
    _put(".spec.backup.schedule", _CRON, "0 2 * jan,DEC 0", "@every 1h", "backup: {schedule: '@',"
         " include: [config], destination: {persistentVolumeClaim: {claimName: c}}}"),
    _put(".spec.privacy", "keySecret is needed", ", keySecret: {name: s, key: k}", "",
         "privacy: {hashFields: [email]@}"),
    _put(".spec.privacy", "retention must be", "720h", "59m", "privacy: {retention: @}"),
]  # fmt: skip


def _action(kind: str, rule: str, says: str, accepted: Any, refused: Any) -> Sample:
    return Sample(rule, says, accepted, refused, kind)


_BACKUP = "{digitalHuman: ada, destination: {s3: {bucket: abc, endpoint: '@'}}}"
_CLONE = "{source: {latestOf: ada}, target: {clone: {name: @}}}"
ACTIONS = [
    _action("DigitalHumanBackup", ".spec", "the spec of a backup cannot be changed",
            ("digitalHuman: ada", "digitalHuman: ada"), ("digitalHuman: ada", "digitalHuman: bob")),
    _action("DigitalHumanBackup", ".spec.destination", ONE + "s3",
            "{digitalHuman: ada, destination: {s3: {bucket: abc}}}",
            "{digitalHuman: ada, destination: {}}"),
    *(_action("DigitalHumanBackup", s.rule, s.says, s.accepted, s.refused)
      for s in _address(".spec.destination.s3", "endpoint", _BACKUP)),
    _action("DigitalHumanBackup", ".spec.destination.s3", "kmsKeyId needs",
            "{digitalHuman: ada, destination: {s3: {bucket: abc, serverSideEncryption: KMS,"
            " kmsKeyId: k}}}",
            "{digitalHuman: ada, destination: {s3: {bucket: abc, kmsKeyId: k}}}"),
    _action("DigitalHumanBackup", ".spec.destination.s3", "prefix must not start",
            "{digitalHuman: ada, destination: {s3: {bucket: abc, prefix: a.b/}}}",
            "{digitalHuman: ada, destination: {s3: {bucket: abc, prefix: a/..}}}"),
    _action("DigitalHumanRestore", ".spec", "a clone needs a name of its own",
            _CLONE.replace("@", "eve"), _CLONE.replace("@", "ada")),
    _action("DigitalHumanRestore", ".spec", "the spec of a restore cannot be changed",
            (_CLONE.replace("@", "eve"), _CLONE.replace("@", "eve")),
            (_CLONE.replace("@", "eve"), _CLONE.replace("@", "bob"))),
    _action("DigitalHumanRestore", ".spec.source", ONE + "backup",
            "{source: {backup: b}, target: {inPlace: {}}}",
            "{source: {backup: b, latestOf: ada}, target: {inPlace: {}}}"),
    _action("DigitalHumanRestore", ".spec.target", ONE + "inPlace",
            "{source: {backup: b}, target: {inPlace: {}}}",
            "{source: {backup: b}, target: {}}"),
]  # fmt: skip

SAMPLES = [*SPEC, *LIFE, *MIND, *BODY, *WORLD, *CARE, *ACTIONS]
