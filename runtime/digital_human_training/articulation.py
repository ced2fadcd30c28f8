"""
What each phoneme does with a mouth.

The targets are our own, set by eye within the range that articulatory phonetics and common
viseme tables suggest. ``jaw``/``lips``/``tongue`` are dominances: how strongly a phoneme insists on
its target against its neighbours (Cohen and Massaro 1993). Lips of ``t`` hardly insist, so the
vowels around shine through; lips of ``w`` do.
"""

from __future__ import annotations

from dataclasses import dataclass

VISEMES: tuple[str, ...] = (
    *("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR"),
    *("aa", "E", "I", "O", "U"),
)
"""The 15 visemes of the Oculus set: classes of the auxiliary loss."""


@dataclass(frozen=True, slots=True)
class Articulation:
    """A target for the mouth (outputs that are not named are 0) and how it is insisted on."""

    viseme: str
    jaw: float
    lips: float
    tongue: float
    target: dict[str, float]


def _make(viseme: str, dominances: tuple[float, ...], **target: float) -> Articulation:
    jaw, lips, tongue = (*dominances, 0.2)[:3]
    names = {"open": "jawOpen", "forward": "jawForward", "tongue": "tongueOut", "puff": "cheekPuff"}
    full = {
        names.get(name) or f"mouth{name[0].upper()}{name[1:]}": value
        for name, value in target.items()
    }
    return Articulation(viseme, jaw, lips, tongue, full)


ARTICULATIONS: dict[str, Articulation] = {
    "p": _make(
        *("PP", (0.9, 0.3)), open=0.12, press=0.35, rollLower=0.25, rollUpper=0.2, shrugLower=0.1
    ),
    "f": _make(
        *("FF", (0.9, 1.2)), open=0.1, rollLower=0.55, upperUp=0.28, shrugLower=0.1, dimple=0.1
    ),
    "T": _make("TH", (0.7, 0.4, 1.0), open=0.2, tongue=0.45, lowerDown=0.15, upperUp=0.1),
    "t": _make("DD", (0.5, 0.25, 0.5), open=0.16, lowerDown=0.2, upperUp=0.08, stretch=0.12),
    "k": _make("kk", (0.3, 0.1, 0.3), open=0.22, lowerDown=0.12, stretch=0.08),
    "S": _make(
        *("CH", (0.9, 1.0)), open=0.16, funnel=0.5, pucker=0.35, lowerDown=0.15, forward=0.1
    ),
    "s": _make(*("SS", (1.0, 0.5)), open=0.1, lowerDown=0.3, upperUp=0.1, stretch=0.25, smile=0.1),
    "n": _make("nn", (0.5, 0.25, 0.6), open=0.18, lowerDown=0.16, tongue=0.05, stretch=0.08),
    "l": _make("nn", (0.6, 0.3, 0.8), open=0.24, lowerDown=0.18, tongue=0.12),
    "r": _make("RR", (0.5, 0.7), open=0.2, funnel=0.28, pucker=0.3, forward=0.08),
    "h": _make("E", (0.1, 0.05), open=0.25, lowerDown=0.1),
    "j": _make("I", (0.6, 0.6), open=0.18, smile=0.3, stretch=0.25, lowerDown=0.18),
    "w": _make("U", (0.8, 1.3), open=0.16, pucker=0.8, funnel=0.25, forward=0.08),
    "a": _make("aa", (1.0, 1.0), open=0.62, lowerDown=0.22, upperUp=0.12, stretch=0.1),
    "V": _make("aa", (1.0, 0.9), open=0.44, lowerDown=0.18, upperUp=0.08, stretch=0.1),
    "E": _make("E", (1.0, 1.0), open=0.38, stretch=0.25, smile=0.15, lowerDown=0.2, upperUp=0.08),
    "@": _make("E", (0.7, 0.5), open=0.28, stretch=0.08, lowerDown=0.14),
    "3": _make("E", (0.9, 0.8), open=0.28, funnel=0.2, pucker=0.18, lowerDown=0.1),
    "I": _make("I", (1.0, 1.0), open=0.2, smile=0.35, stretch=0.3, dimple=0.15, lowerDown=0.22),
    "O": _make("O", (1.0, 1.1), open=0.46, funnel=0.45, pucker=0.28, forward=0.06),
    "U": _make("U", (1.0, 1.2), open=0.24, funnel=0.35, pucker=0.68, forward=0.1),
}
"""By name; ``segments`` of ``phonemes`` leads from the mnemonics of eSpeak NG to these names."""

CLOSURE = "p"
DENTAL = "f"
