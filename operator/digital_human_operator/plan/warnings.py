"""What the spec says and this version does not act on, one sentence each: never silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from digital_human_operator.api.v1alpha1.body import Gpu, GpuRequest, Placement
from digital_human_operator.api.v1alpha1.care import Privacy
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.api.v1alpha1.face import Face

from . import models
from .fetch import fetch_digest, has_weights_elsewhere
from .load import weights_gib
from .profiles import tells_apart
from .replicas import keeps_all, least_replicas, most_replicas
from .resources import quantity, requests_and_limits

_MOST = 64
_LONGEST = 512
_WEIGHTS_TOLD = frozenset({"DIGITAL_HUMAN_MODELS", "MODEL_NAME", "DIGITAL_HUMAN_LLM_URL"})
"""Variables of the runtime that say where its model is."""
_NOT_ON_A_CPU = ("fp16", "int4")
"""Formats that the runtime serves on GPUs only."""


def warnings(spec: DigitalHumanSpec, served: frozenset[str]) -> tuple[str, ...]:
    """All warnings, in the order of the spec, then unknown fields."""
    checks = (_life(spec), _body(spec), _care(spec), _world(spec, served), _mind(spec))
    found = [sentence for check in checks for sentence in check]
    found += [
        f"{path} is not known to this version and ignored" for path in unknown_fields(spec, "spec")
    ]
    return bounded(found)


def bounded(sentences: Iterable[str]) -> tuple[str, ...]:
    """As many as status takes, and none too long for it."""
    found = [sentence[:_LONGEST] for sentence in sentences]
    if len(found) > _MOST:
        found = [*found[: _MOST - 1], f"and {len(found) - _MOST + 1} more"]
    return tuple(found)


def _life(spec: DigitalHumanSpec) -> Iterator[str]:
    availability, scaling = spec.availability, spec.autoscaling
    if spec.rollout.blue_green is not None:
        yield "spec.rollout.blueGreen is not acted on yet: changes are rolled out Pod by Pod"
    if availability.load_balancing == "LeastConnections":
        yield (
            "spec.availability.loadBalancing LeastConnections is not acted on yet: kube-proxy"
            " chooses the Pod of a new connection"
        )
    if availability.failover is not None:
        yield (
            "spec.availability.failover is only passed to the runtime: callers through the Service"
            " have to retry themselves"
        )
    chosen = availability.min_available is not None or availability.max_unavailable is not None
    if chosen and most_replicas(spec) <= 1:
        yield (
            "spec.availability has no effect with one replica: a PodDisruptionBudget would block"
            " every node drain"
        )
    elif scaling is not None and keeps_all(spec):
        yield (
            f"spec.availability.minAvailable {availability.min_available} means all of the"
            f" {least_replicas(spec)} Pods of autoscaling.minReplicas, which would block every node"
            " drain: all but one stay up instead; raise minReplicas or lower it"
        )
    sessions = spec.sessions
    if (
        sessions.affinity == "None"
        and sessions.affinity_timeout != type(sessions)().affinity_timeout
    ):
        yield "spec.sessions.affinityTimeout: without effect with affinity None"
    if scaling is not None and scaling.schedules:
        yield "spec.autoscaling.schedules is not acted on yet: minReplicas holds at all times"
    if scaling is not None and scaling.gpu is not None and "-mig-" in spec.gpu.profile:
        yield (
            f"spec.autoscaling.gpu is without effect with gpu.profile {spec.gpu.profile}: NVIDIA's"
            " driver tells no use of a MIG slice; scale by cpu or sessionsPerReplica"
        )


def _body(spec: DigitalHumanSpec) -> Iterator[str]:
    gpu, face = spec.gpu, spec.face.managed
    passed = [
        f"spec.gpu.{name}"
        for name, part in (
            ("tensorRT", gpu.tensor_rt),
            ("quantization", gpu.quantization),
            ("compile", gpu.compile),
        )
        if part is not None
    ]
    if passed:
        yield f"{', '.join(passed)}: passed to the runtime, which decides what its image can do"
    if gpu.profile == "none":
        ignored = [
            f"spec.gpu.{name}"
            for name, given in (
                ("count", gpu.count != Gpu().count),
                ("platform", gpu.platform != Gpu().platform),
                ("memoryFraction", gpu.memory_fraction != Gpu().memory_fraction),
            )
            if given
        ]
        if ignored:
            yield f"{', '.join(ignored)}: without effect, as gpu.profile none has no GPU"
    if spec.placement.runtime_class_name is not None and gpu.profile == "none" and face is None:
        yield (
            "spec.placement.runtimeClassName: without effect, as no Pod of this human has a GPU; it"
            " is given to Pods with GPUs only"
        )
    if gpu.profile != "none" and gpu.count > 1:
        yield (
            f"spec.gpu.count {gpu.count}: the runtime uses one GPU and reserves the others for"
            " nothing; a server such as vLLM spreads a model over several: name it in llm.openAI"
        )
    if face is not None and face.gpu.count > 1:
        yield (
            f"spec.face.managed.gpu.count {face.gpu.count}: each server uses one GPU and reserves"
            " the others for nothing; use face.managed.replicas"
        )
    yield from _nodes("spec.gpu", gpu, spec.placement)
    if face is not None:
        where = face.placement or spec.placement
        yield from _nodes("spec.face.managed.gpu", face.gpu, where)
    yield from _emotion(spec.face)
    if gpu.pruning is not None:
        yield "spec.gpu.pruning is not acted on yet: the weights are used as they are"
    if face is not None and face.output == "Video":
        yield "spec.face.managed.output Video is not acted on yet: blendshapes are sent"


def _emotion(face: Face) -> Iterator[str]:
    """What is only for a face that hears emotions."""
    told = face.emotion
    if told is None:
        return
    given = {
        "contrast": told.contrast,
        "preferredStrength": told.preferred_strength,
        "maxEmotions": told.max_emotions,
    }
    for name, value in given.items():
        if value is not None and face.embedded is not None:
            yield (
                f"spec.face.emotion.{name} is without effect: the embedded face hears no emotions,"
                " it shows those that it is told"
            )
    if told.preferred_strength is not None and not told.preferred and face.embedded is None:
        yield (
            "spec.face.emotion.preferredStrength is without effect: no emotion is preferred; name"
            " some in spec.face.emotion.preferred"
        )


def _nodes(path: str, gpu: GpuRequest, placement: Placement) -> Iterator[str]:
    """A platform whose labels do not tell this kind of GPU from others."""
    if tells_apart(gpu.profile, gpu.platform) or placement.node_selector or placement.affinity:
        return
    yield (
        f"{path}.platform {gpu.platform}: no label of its nodes says {gpu.profile}, so a node with"
        " another GPU may be taken; say in placement.nodeSelector which machines are meant"
    )


def _care(spec: DigitalHumanSpec) -> Iterator[str]:
    if spec.backup is not None:
        yield from _backup(spec)
    if spec.privacy is not None:
        yield from _privacy(spec.privacy)
    if spec.audit is not None:
        yield "spec.audit is not acted on yet: no audit log is written"
    if spec.budget is not None:
        yield "spec.budget is not acted on yet: no cost is computed"


def _privacy(privacy: Privacy) -> Iterator[str]:
    """What is not done with personal data; retention is kept by the runtime."""
    if privacy.free_text == "Redact":
        yield (
            "spec.privacy.freeText Redact is not acted on yet: conversations are stored as they"
            " are; privacy.retention says for how long"
        )
    if privacy.hash_fields:
        yield "spec.privacy.hashFields is not acted on yet: no profiles are stored"
    if privacy.key_secret is not None:
        yield ("spec.privacy.keySecret is not acted on yet: nothing is hashed or encrypted with it")


def _backup(spec: DigitalHumanSpec) -> Iterator[str]:
    include = spec.backup.include if spec.backup is not None else []
    redis = spec.sessions.store.redis
    if "sessions" in include and redis is not None and redis.external is not None:
        yield (
            "spec.backup.include: sessions in an external Redis are not backed up; whoever runs it"
            " has to, for a backup would hold all that is in it"
        )


def _world(spec: DigitalHumanSpec, served: frozenset[str]) -> Iterator[str]:
    monitoring = spec.monitoring
    wanted = (
        ("spec.monitoring.podMonitor", monitoring.pod_monitor, "PodMonitor"),
        ("spec.monitoring.serviceMonitor", monitoring.service_monitor, "ServiceMonitor"),
        ("spec.monitoring.rules", monitoring.rules, "PrometheusRule"),
        ("spec.network.expose.gateway", spec.network.expose.gateway, "HTTPRoute"),
    )
    for path, part, kind in wanted:
        if part is not None and kind not in served:
            yield f"{path}: this cluster does not serve {kind}; it is made once it does"
    yield from _network(spec)
    if spec.network.expose.gateway is not None and spec.security.tls_secret is not None:
        yield (
            "spec.security.tlsSecret: a Gateway speaks HTTP to the Pods, which expect TLS; make a"
            " BackendTLSPolicy for the Service, or end TLS at the Gateway's listener alone"
        )
    if spec.storage.models is not None and has_weights_elsewhere(spec):
        yield (
            "spec.storage.models is without effect: llm.transformers.source says where the weights"
            " lie, so no volume is made"
        )
    if _is_shared(spec):
        yield (
            "spec.storage.models.accessMode is ReadWriteOnce: all Pods have to run on the node that"
            " has the volume; use ReadWriteMany with several replicas"
        )


def _network(spec: DigitalHumanSpec) -> Iterator[str]:
    """Fields beside expose.type and policy that their value leaves without effect."""
    network = spec.network
    expose = network.expose
    given = (
        ("host", expose.host, {"Ingress", "Gateway"}),
        ("ingressClassName", expose.ingress_class_name, {"Ingress"}),
        ("annotations", expose.annotations, {"ClusterIP", "LoadBalancer", "Ingress"}),
    )
    for name, value, types in given:
        if value and expose.type not in types:
            yield (
                f"spec.network.expose.{name} is without effect with type {expose.type}: it is for"
                f" {', '.join(sorted(types))}"
            )
    ruled = (
        ("spec.network.allowFrom", network.allow_from),
        ("spec.network.allowTo", network.allow_to),
        ("spec.monitoring.scrapeFrom", spec.monitoring.scrape_from),
    )
    for path, rules in ruled:
        if rules and network.policy == "Off":
            yield f"{path} is without effect with network.policy Off: nothing is denied"


def _is_shared(spec: DigitalHumanSpec) -> bool:
    """Whether several Pods read one volume of ours that only one node can mount."""
    ours = not has_weights_elsewhere(spec) and (
        spec.storage.models is not None or fetch_digest(spec) is not None
    )
    mode = spec.storage.models.access_mode if spec.storage.models else "ReadWriteOnce"
    return ours and mode == "ReadWriteOnce" and most_replicas(spec) > 1


def _mind(spec: DigitalHumanSpec) -> Iterator[str]:
    """Weights that nobody brings, or that are larger than the memory of a container on the CPU."""
    engine = spec.llm.transformers
    if engine is None:
        return
    told = {variable.name for variable in spec.pod_template.env}
    elsewhere = spec.image is not None or spec.storage.models is not None
    if engine.source is None and not elsewhere and not told & _WEIGHTS_TOLD:
        yield (
            "spec.llm.transformers.source is absent, so the weights have to be in the image: name a"
            " source, or in spec.image an image with weights, unless the default image has them"
        )
    on_cpu = spec.gpu.profile == "none"
    if engine.precision == "fp8" or (on_cpu and engine.precision in _NOT_ON_A_CPU):
        where = " on a CPU" if on_cpu else ""
        yield (
            f"spec.llm.transformers.precision {engine.precision}: the runtime refuses to start with"
            f" it{where}; use int8, or a server such as vLLM, named in llm.openAI"
        )
    if not on_cpu:
        return
    model = models.find(engine)
    limit = requests_and_limits(spec)[1].get("memory")
    if model is None or limit is None:
        return
    weights = weights_gib(model, engine.precision)
    if weights * 2**30 > quantity(limit):
        yield (
            f"spec.llm.transformers: {engine.model} at {engine.precision} needs {weights:.1f} GiB"
            f" for weights, resources.limits.memory is {limit}: loading will get the Pod killed"
        )


def unknown_fields(model: BaseModel, path: str) -> Iterator[str]:
    """Paths, as the user writes them, of fields that no model declares."""
    for name in model.model_extra or ():
        yield f"{path}.{name}"
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        inner = f"{path}.{field.alias or name}"
        if isinstance(value, BaseModel):
            yield from unknown_fields(value, inner)
        elif isinstance(value, list):
            for index, one in enumerate(value):
                if isinstance(one, BaseModel):
                    yield from unknown_fields(one, f"{inner}[{index}]")
