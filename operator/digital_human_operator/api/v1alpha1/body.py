"""What the human looks and runs like: face, GPU, resources, placement, Pod template."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from digital_human_operator.api.base import (
    ENV_NAME,
    LIST_ATOMIC,
    ApiModel,
    ObjectName,
    Quantity,
    SecretKey,
    SecretKeyRef,
    StringMap,
    cel,
    form,
    key_rule,
    label_rules,
    list_map,
    union,
    validated,
)

GpuProfileName = Literal[
    "none",
    "a100-40gb",
    "a100-80gb",
    "a100-mig-1g.5gb",
    "a100-mig-2g.10gb",
    "a100-mig-3g.20gb",
    "a100-mig-1g.10gb",
    "a100-mig-2g.20gb",
    "a100-mig-3g.40gb",
    "h100",
    "l4",
    "l40s",
    "rtx4090",
]
Platform = Literal["any", "gke", "eks", "aks", "gpu-operator"]


def no_reserved_keys(field: str) -> dict[str, Any]:
    """The rule that a user's labels and annotations stay out of our and Kubernetes' names."""
    return cel(
        f"!has(self.{field}) || self.{field}.all(k, "
        "!k.matches('^app[.]kubernetes[.]io/')"
        " && !k.matches('^([a-z0-9.-]*[.])?aiqtoolkit[.]io/'))",
        f"{field} must not use app.kubernetes.io/ or aiqtoolkit.io/ keys: the operator sets those",
        path=f".{field}",
    )


class TensorRT(ApiModel):
    """TensorRT engines for the face and speech networks."""

    precision: Literal["fp32", "fp16", "bf16", "int8", "fp8"] = "fp16"
    """Number format of the engines."""


class Quantization(ApiModel):
    """Quantisation with calibration."""

    method: Literal["int8", "int4", "fp8"]
    """Number format of the quantised weights."""
    calibration_samples: Annotated[int, Field(ge=16, le=100000)] = 1000
    """Samples that the calibration looks at."""


class Pruning(ApiModel):
    """Removal of weights that matter least."""

    sparsity: Annotated[float, Field(gt=0, lt=0.95)] = 0.3
    """Share of the weights that is removed."""
    structure: Literal["unstructured", "2:4"] = "unstructured"
    """Pattern of the removed weights; only 2:4 is faster on tensor cores."""

    model_config = validated(
        cel(
            "!has(self.structure) || self.structure != '2:4' || self.sparsity == 0.5",
            "structure 2:4 removes exactly half of the weights: set sparsity to 0.5",
            path=".sparsity",
        )
    )


class Compile(ApiModel):
    """Compilation of the networks by torch.compile."""

    mode: Annotated[str, Field(max_length=32, examples=["max-autotune"])] = "default"
    """A mode of torch.compile: default, reduce-overhead, max-autotune or
    max-autotune-no-cudagraphs."""

    model_config = validated(
        cel(
            "self.mode != 'max-performance'",
            "max-performance is no mode of torch.compile: use max-autotune",
            path=".mode",
        ),
        cel(
            "self.mode in ['default', 'reduce-overhead', 'max-autotune',"
            " 'max-autotune-no-cudagraphs', 'max-performance']",
            "mode must be one of default, reduce-overhead, max-autotune,"
            " max-autotune-no-cudagraphs",
            path=".mode",
        ),
    )


class GpuRequest(ApiModel):
    """GPUs of one Pod: a profile names the kind, the operator knows each cloud's labels for it."""

    profile: GpuProfileName = "none"
    """Kind of GPU; none runs on the CPU."""
    count: Annotated[int, Field(ge=1, le=16)] = 1
    """GPUs of each Pod."""
    platform: Platform = "any"
    """Whose node labels select the GPU: gke, eks (Karpenter), gpu-operator (feature discovery),
    aks, which marks GPU nodes but not their kind, or any, which asks for the resource only. With
    the last two, say in placement which nodes are meant."""

    model_config = validated(
        cel(
            "!self.profile.contains('-mig-') || self.count == 1",
            "count must be 1 with a MIG profile: a process sees only the first slice it is given",
            path=".count",
        ),
    )


class Gpu(GpuRequest):
    """GPUs of each Pod and how the models use them."""

    memory_fraction: Annotated[float, Field(ge=0.1, le=0.95)] = 0.85
    """Share of the GPU memory that the models may use."""
    tensor_rt: Annotated[TensorRT | None, Field(alias="tensorRT")] = None
    """TensorRT engines for the face and speech networks."""
    quantization: Quantization | None = None
    """Quantisation with calibration."""
    pruning: Pruning | None = None
    """Removal of weights that matter least."""
    compile: Compile | None = None
    """Compilation of the networks by torch.compile."""

    model_config = validated(
        cel(
            "!self.profile.contains('-mig-') || self.count == 1",
            "count must be 1 with a MIG profile: a process sees only the first slice it is given",
            path=".count",
        ),
        cel(
            "self.profile != 'none' || (!has(self.tensorRT) && !has(self.quantization)"
            " && !has(self.pruning))",
            "tensorRT, quantization and pruning need a GPU: choose a profile other than none",
            path=".profile",
        ),
        cel(
            "!self.profile.startsWith('a100') || !has(self.tensorRT)"
            " || self.tensorRT.precision != 'fp8'",
            "the A100 has no fp8 units: use fp16 or int8",
            path=".tensorRT.precision",
        ),
        cel(
            "!self.profile.startsWith('a100') || !has(self.quantization)"
            " || self.quantization.method != 'fp8'",
            "the A100 has no fp8 units: use int8 or int4",
            path=".quantization.method",
        ),
    )


class Resources(ApiModel):
    """CPU and memory of the container; GPUs come from gpu."""

    requests: Annotated[
        dict[Annotated[str, Field(max_length=317)], Quantity], Field(max_length=8)
    ] = Field(default_factory=dict)
    """What the scheduler reserves."""
    limits: Annotated[
        dict[Annotated[str, Field(max_length=317)], Quantity], Field(max_length=8)
    ] = Field(default_factory=dict)
    """What the container may use at most."""

    model_config = validated(
        cel(
            "!has(self.requests) || !self.requests.exists(k, k.startsWith('nvidia.com/'))",
            "GPUs do not belong into requests: set gpu.profile and gpu.count",
            path=".requests",
        ),
        cel(
            "!has(self.limits) || !self.limits.exists(k, k.startsWith('nvidia.com/'))",
            "GPUs do not belong into limits: set gpu.profile and gpu.count",
            path=".limits",
        ),
        key_rule("requests"),
        key_rule("limits"),
        cel(
            "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits)"
            " || !isQuantity(string(self.requests[k])) || !isQuantity(string(self.limits[k]))"
            " || quantity(string(self.requests[k]))"
            ".compareTo(quantity(string(self.limits[k]))) <= 0)",
            "each request must be at most its limit",
            path=".requests",
        ),
    )


class Toleration(ApiModel):
    """A taint that the Pods put up with."""

    key: Annotated[str, Field(max_length=317)] | None = None
    """Key of the taint; absent with operator Exists: every taint."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """Exists matches any value."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """Value of the taint."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; absent: every effect."""
    toleration_seconds: Annotated[int, Field(ge=0)] | None = None
    """How long a NoExecute taint is put up with."""

    model_config = validated(
        cel(
            "!has(self.value) || !has(self.operator) || self.operator != 'Exists'",
            "value must be absent with operator Exists",
            path=".value",
        ),
        cel(
            "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
            "a toleration without key needs operator Exists",
            path=".key",
        ),
        cel(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds is for effect NoExecute: no other effect makes a Pod go",
            path=".tolerationSeconds",
        ),
    )


def _affinity() -> dict[str, Any]:
    """The schema of an affinity: its three parts are objects, which the scheduler reads."""
    parts = ("nodeAffinity", "podAffinity", "podAntiAffinity")
    described = {
        name: {"type": "object", "description": f"The {name} of a Kubernetes Pod, passed on."}
        for name in parts
    }
    return {"type": "object", "properties": described}


class TopologySpread(ApiModel):
    """How the Pods are spread over zones, nodes or another topology."""

    topology_key: Annotated[str, Field(min_length=1, max_length=317)]
    """Node label whose values are the places, for example topology.kubernetes.io/zone."""
    max_skew: Annotated[int, Field(ge=1, le=100)] = 1
    """Largest difference between two places."""
    when_unsatisfiable: Literal["ScheduleAnyway", "DoNotSchedule"] = "ScheduleAnyway"
    """What to do when the Pods cannot be spread so."""


class Placement(ApiModel):
    """Where Pods may run, beside what their GPU profile asks for."""

    node_selector: StringMap = Field(default_factory=dict)
    """Labels that a node must have, also for fetching weights into a ReadWriteOnce volume."""
    tolerations: Annotated[list[Toleration], Field(max_length=32)] = Field(
        default_factory=list, json_schema_extra=LIST_ATOMIC
    )
    """Taints that every Pod of the human puts up with; Pods with GPUs also those of their
    profile."""
    affinity: Annotated[dict[str, dict[str, Any]], WithJsonSchema(_affinity())] | None = None
    """A Kubernetes affinity, passed on as it is."""
    topology_spread: Annotated[list[TopologySpread], Field(max_length=8)] | None = Field(
        default=None, json_schema_extra=list_map("topologyKey")
    )
    """Spread of the Pods; absent: over zones and nodes where possible; an empty list: none."""
    priority_class_name: ObjectName | None = None
    """Priority of the Pods."""
    runtime_class_name: ObjectName | None = None
    """Runtime class of the Pods with GPUs, for example nvidia where the GPU operator does not make
    it the default."""

    model_config = validated(*label_rules("nodeSelector"))


class ConfigMapKeyRef(ApiModel):
    """One key of a ConfigMap in the same namespace."""

    name: ObjectName
    """Name of the ConfigMap."""
    key: SecretKey
    """Key within the ConfigMap."""


class EnvVar(ApiModel):
    """One environment variable of the runtime container: a value or a reference."""

    name: Annotated[
        str,
        form(
            ENV_NAME,
            "must be the name of a variable: letters, digits and _, beginning with no digit",
            max_length=128,
        ),
    ]
    """Name of the variable."""
    value: Annotated[str, Field(max_length=4096)] | None = None
    """Its value. Not for secrets: use secretKeyRef."""
    secret_key_ref: SecretKeyRef | None = None
    """Key of a Secret that holds the value."""
    config_map_key_ref: ConfigMapKeyRef | None = None
    """Key of a ConfigMap that holds the value."""

    model_config = validated(
        union("value", "secretKeyRef", "configMapKeyRef"),
        cel(
            "!self.name.startsWith('DIGITAL_HUMAN_')",
            "names that start with DIGITAL_HUMAN_ are set by the operator: use the field of the"
            " spec",
            path=".name",
        ),
        cel(
            "!self.name.startsWith('LD_') && !(self.name in ['NVIDIA_VISIBLE_DEVICES',"
            " 'NVIDIA_DRIVER_CAPABILITIES', 'CUDA_VISIBLE_DEVICES'])",
            "the loader's and the GPU's variables cannot be set: they decide what the container"
            " may reach",
            path=".name",
        ),
    )


class PodTemplate(ApiModel):
    """Additions to the Pods, from an allow-list."""

    labels: StringMap = Field(default_factory=dict)
    """Labels of the Pods."""
    annotations: StringMap = Field(default_factory=dict)
    """Annotations of the Pods."""
    env: Annotated[list[EnvVar], Field(max_length=64)] = Field(
        default_factory=list, json_schema_extra=list_map("name")
    )
    """Environment variables of the runtime container."""

    model_config = validated(
        no_reserved_keys("labels"),
        no_reserved_keys("annotations"),
        *label_rules("labels"),
        key_rule("annotations"),
    )
