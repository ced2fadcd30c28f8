"""Which voice a name means."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digital_human_runtime.errors import BadInput

_LANGUAGES = {"en": "en-gb", "fr": "fr-fr", "zh": "cmn", "no": "nb", "nn": "nb", "iw": "he"}
"""Language tags of BCP 47 that eSpeak NG has under another name."""
_REGIONS = {"zh-hk": "yue", "zh-mo": "yue", "es-mx": "es-419", "es-us": "es-419"}


@dataclass(frozen=True, slots=True)
class VoiceNames:
    """
    What this machine's library speaks: language tags with their files, and speaker variants.

    ``resolve`` takes ``en-us``, ``en-us+f3`` and any BCP 47 tag whose language is spoken.
    """

    languages: Mapping[str, str]
    variants: Sequence[str]

    def resolve(self, name: str) -> str:
        """The name that the library knows; BadInput says what is near when there is none."""
        language, _, variant = name.partition("+")
        tag = self._tag(language)
        if tag is None:
            raise BadInput(f"voice: there is no language {language!r}{self._near(language)}")
        if variant and variant not in self.variants:
            near = _listed(difflib.get_close_matches(variant, self.variants))
            raise BadInput(f"voice: there is no speaker variant {variant!r}{near}")
        return self.languages[tag] + (f"+{variant}" if variant else "")

    def _tag(self, name: str) -> str | None:
        """The longest part of a language tag that is spoken: ``de`` for ``de-AT-1996``."""
        subtags = name.strip().lower().replace("_", "-").split("-")
        for length in range(len(subtags), 0, -1):
            tag = "-".join(subtags[:length])
            tag = _REGIONS.get(tag, _LANGUAGES.get(tag, tag))
            if tag in self.languages:
                return tag
        return None

    def _near(self, language: str) -> str:
        known = [*self.languages, *_LANGUAGES]
        return _listed(difflib.get_close_matches(language.lower(), known))


def _listed(near: list[str]) -> str:
    return f"; near are {', '.join(near)}" if near else ""
