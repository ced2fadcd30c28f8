"""What backups and restores on request have in common: their human, its Secrets, their children."""

from __future__ import annotations

from collections.abc import Iterable

from digital_human_operator import plan
from digital_human_operator.errors import InvalidSpec
from digital_human_operator.human import Child, Human
from digital_human_operator.kinds import HUMANS
from digital_human_operator.kube.apply import Result
from digital_human_operator.seen import Key, Seen
from digital_human_operator.status.runs import Obstacle

from .children import desired
from .references import read, want
from .services import Services


class Stopped(Exception):  # noqa: N818 - no error, but the way out
    """There will be no Job now."""

    def __init__(self, obstacle: Obstacle) -> None:
        self.obstacle = obstacle


def human_of(services: Services, key: Key, name: str) -> Human:
    """The human of a request, also while it goes away; it has a ``spec.backup``."""
    of_human = (HUMANS.kind, key[1], name)
    seen = services.seen.get(of_human)
    if seen is None:
        text = f"there is no DigitalHuman {name} in this namespace"
        raise Stopped(Obstacle("HumanNotFound", text))
    try:
        human = plan.parse(seen.raw(of_human))
    except InvalidSpec as error:
        text = f"the spec of {name} cannot be understood: {error}"
        raise Stopped(Obstacle("HumanInvalid", text)) from error
    if human.spec.backup is None:
        text = (
            f"{name} has no spec.backup, which says how its backups are encrypted: set it, then"
            f" create another {key[0]}"
        )
        raise Stopped(Obstacle("NotConfigured", text, final=True))
    return human


async def check_references(services: Services, key: Key, human: Human, component: str) -> None:
    """Wait for the Secrets that the Pod mounts: without them it would never start."""
    needs = tuple(one for one in plan.needs(human) if one.component == component)
    wanted = sorted({one.ref for one in needs})
    want(services, key, wanted)
    sentences, _ = plan.missing(needs, await read(services, key[1], wanted))
    if sentences:
        raise Stopped(Obstacle("SecretMissing", "; ".join(sentences)))


async def apply_all(services: Services, children: Iterable[Child], key: Key, seen: Seen) -> None:
    """Apply what a request needs; Stopped where a name is taken."""
    for child in children:
        outcome = await services.applier.apply(desired(child, key[1]), seen.uid)
        if outcome.result is Result.FOREIGN:
            text = (
                f"{child.kind} {child.name} belongs to somebody else ({outcome.detail}): delete it,"
                f" then create another {key[0]}"
            )
            raise Stopped(Obstacle("ForeignObject", text, final=True))
        if outcome.result is Result.DELETING:
            raise Stopped(Obstacle("Pending", f"the {child.kind} before is going away"))
