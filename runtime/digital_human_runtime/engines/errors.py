"""What stops an engine from starting: one sentence for the person who configured it."""

from __future__ import annotations


class Refused(ValueError):  # noqa: N818 - named for what happened
    """The configuration cannot work; the sentence names the setting and what to do instead."""
