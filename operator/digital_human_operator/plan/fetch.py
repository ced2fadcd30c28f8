"""Whether weights have to be fetched, which state of them, and into which claim."""

from __future__ import annotations

import json
from hashlib import sha256

from digital_human_operator import names
from digital_human_operator.api.v1alpha1.digitalhuman import DigitalHumanSpec
from digital_human_operator.api.v1alpha1.mind import ModelSource
from digital_human_operator.human import Human


def fetch_digest(spec: DigitalHumanSpec) -> str | None:
    """
    Identity of what has to be fetched; None when nothing has to be.

    Where it comes from and which revision count; credentials do not: new ones bring no new bytes.
    """
    source = _source(spec)
    if source is None:
        return None
    parts: dict[str, str | None]
    if source.object_store is not None:
        store = source.object_store
        parts = {"url": store.url, "revision": store.revision, "endpoint": store.endpoint}
    elif source.hugging_face is not None:
        hub = source.hugging_face
        parts = {
            "repository": hub.repository,
            "revision": hub.revision,
            "endpoint": hub.endpoint,
        }
    else:
        return None
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def has_weights_elsewhere(spec: DigitalHumanSpec) -> bool:
    """Whether the weights lie in a place of the user's: a volume of ours would stay empty."""
    source = _source(spec)
    return source is not None and (
        source.persistent_volume_claim is not None or source.oci is not None
    )


def models_claim(human: Human) -> str | None:
    """The claim with the weights: the user's, ours when there is something to keep, or none."""
    source = _source(human.spec)
    if source is not None and source.persistent_volume_claim is not None:
        return source.persistent_volume_claim.claim_name
    if has_weights_elsewhere(human.spec):
        return None
    if fetch_digest(human.spec) is not None or human.spec.storage.models is not None:
        return names.models(human.name)
    return None


def _source(spec: DigitalHumanSpec) -> ModelSource | None:
    return spec.llm.transformers.source if spec.llm.transformers is not None else None
