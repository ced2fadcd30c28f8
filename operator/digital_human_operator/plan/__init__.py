"""
Pure decisions on plain values: from a spec to a design and the verdicts about it.

No I/O, no clock: the same human and the same references give the same decision.
"""

from __future__ import annotations

from collections.abc import Mapping

from digital_human_operator.decision import Decision
from digital_human_operator.human import Design, Human, Images, Ref, Reference

from .fetch import fetch_digest, models_claim
from .memory import memory
from .needs import digests, missing, needs, referred, unusable_pull_secrets
from .parse import is_same_backup, parse, parse_backup, parse_restore
from .profiles import NO_GPU, node_choice
from .replicas import disruption_limit, is_autoscaled, is_suspended, metrics, replicas
from .resources import face_requests_and_limits, redis_max_memory, requests_and_limits
from .warnings import bounded, warnings

__all__ = [
    "Decision",
    "decide",
    "is_same_backup",
    "missing",
    "needs",
    "parse",
    "parse_backup",
    "parse_restore",
    "referred",
]


def decide(
    human: Human,
    *,
    images: Images,
    operator_namespace: str,
    references: Mapping[Ref, Reference | None],
    served: frozenset[str],
    absent: frozenset[str] = frozenset(),
) -> Decision:
    """
    Decide everything about one human.

    ``references`` has what is known of all that is ``referred`` to (None: it does not exist),
    ``served`` the optional kinds that the cluster serves, ``absent`` the API groups of metrics that
    it does not.
    """
    spec = human.spec
    wanted = needs(human)
    sentences, withheld = missing(wanted, references)
    requests, limits = requests_and_limits(spec)
    face = spec.face.managed
    face_requests, face_limits = face_requests_and_limits(face)
    verdict = memory(spec)
    design = Design(
        images=images,
        image=spec.image or (images.runtime_gpu if spec.llm.transformers else images.runtime),
        operator_namespace=operator_namespace,
        nodes=node_choice(spec.gpu.profile, spec.gpu.count, spec.gpu.platform),
        face_nodes=(
            node_choice(face.gpu.profile, face.gpu.count, face.gpu.platform) if face else NO_GPU
        ),
        replicas=replicas(spec),
        autoscaled=is_autoscaled(spec),
        suspended=is_suspended(spec),
        disruption_limit=disruption_limit(spec),
        requests=requests,
        limits=limits,
        face_requests=face_requests,
        face_limits=face_limits,
        redis_max_memory=redis_max_memory(spec.sessions.store.redis),
        digests=digests(wanted, references),
        fetch_digest=fetch_digest(spec),
        models_claim=models_claim(human),
        served=served,
        needs=wanted,
        withheld=withheld,
    )
    unsure = (verdict.message,) if verdict.fits is None and verdict.message else ()
    return Decision(
        design,
        verdict,
        missing=sentences,
        pull_secrets=unusable_pull_secrets(human, references),
        metrics=metrics(spec, absent),
        warnings=bounded((*unsure, *warnings(spec, served))),
    )
