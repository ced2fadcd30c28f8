"""
What the stages of a Dockerfile start from, as build arguments.

Bases are the image that was asked for, else Python's, else made of Debian's packages. The programs
of Redis come from an image too; where no registry answers, they are those of Debian.
"""

from tools.images import base
from tools.images.engine import BASES, Engine
from tools.images.errors import ImageError
from tools.images.programs import say
from tools.images.table import Image

REDIS = "docker.io/library/redis:7.4-bookworm"
"""As new as the managed Redis of the chart's values, and linked to the libraries of Debian."""
NOWHERE = "is neither here nor in a registry that answers"


def arguments(
    image: Image, engine: Engine, *, asked: str = "", redis: str = "", fresh: bool = False
) -> dict[str, str]:
    """Return the build arguments; `asked` and `redis` name images, `fresh` makes bases anew."""
    kinds = ["BASE", "BUILD_BASE", *(["COMPILER_BASE"] if image.compiler else [])]
    named = asked or base.DEFAULT
    pulled = not fresh and engine.has(named)
    if asked and not pulled:
        raise ImageError(f"{asked} {NOWHERE}.")
    programs = _programs(engine, redis, optional=not pulled) if image.redis else {}
    if pulled:
        return {**dict.fromkeys(kinds, named), **programs}
    both = image.redis and not programs
    if both:
        say(
            f"{REDIS} {NOWHERE}: {image.name} gets Redis of this machine's Debian packages, which"
            " cannot back up a newer one."
        )
        kinds[0] = "REDIS_BASE"
    first, *rest = [_made(kind, engine, fresh=fresh) for kind in kinds]
    found = {"BASE": first, **dict(zip(kinds[1:], rest, strict=True)), **programs}
    return found | ({"REDIS_IMAGE": first, "LICENSES": "Apache-2.0"} if both else {})


def _programs(engine: Engine, redis: str, *, optional: bool) -> dict[str, str]:
    """Where Redis' programs come from; nothing where the base may bring them."""
    named = redis or REDIS
    if engine.has(named):
        return {"REDIS_IMAGE": named}
    if redis or not optional:
        raise ImageError(f"{named} {NOWHERE}: name another one with --redis.")
    return {}


def _made(kind: str, engine: Engine, *, fresh: bool) -> str:
    """Have a base of Debian's packages; return its name."""
    tar = base.ensure(kind, fresh=fresh)
    name = f"{BASES}:{base.name(tar)}"
    engine.load_base(tar, name)
    return name
