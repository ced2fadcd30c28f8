"""What controllers work with: the doors to the API server, and what is known about the cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from digital_human_operator.human import Images
from digital_human_operator.kube.apply import Applier
from digital_human_operator.kube.client import ApiClient
from digital_human_operator.kube.discovery import Served
from digital_human_operator.kube.events import Recorder
from digital_human_operator.kube.references import References
from digital_human_operator.kube.resources import Resource
from digital_human_operator.kube.store import Store
from digital_human_operator.seen import Key, SeenObjects


@dataclass(frozen=True)
class Services:
    """Built once by ``app`` and shared by all controllers."""

    client: ApiClient
    applier: Applier
    stores: Mapping[Resource, Store]
    pods: Store
    claims: Store
    """Those of Redis, which the StatefulSet controller makes: only looked at."""
    references: References
    served: Served
    recorder: Recorder
    seen: SeenObjects
    images: Images
    namespace: str
    wake: Callable[[Key], None]
    """Queues an object of ours that another one has changed something for."""
    now: Callable[[], str]
    """The time as RFC 3339 with seconds, in UTC."""
