"""
What is read out: sentences of our own, drawn from word lists by a seed.

English sentences are rich in p, b and m and cover every phoneme of English; other languages read
invented words, which cover their sounds as well as a text would.
"""

from __future__ import annotations

import numpy as np


def _listed(words: str) -> list[str]:
    return words.split("|")


_WHO = _listed(
    "my brother|the old baker|a young pilot|Bob and Pam|the museum guide|your neighbour|a zebra"
    "|the team|this machine|her mother|the mayor|a busy plumber|the whole family|Mister Thompson"
    "|a famous painter|the bumblebee|our captain|a sleepy judge|the queen|every member"
)
_DOES = _listed(
    "bought|found|measures|maps|jumped over|would rather paint|never mentions|brings|throws"
    "|cannot open|wants to improve|should keep|pushed|remembers|is going to choose|stopped"
    "|hums about"
    "|completely forgot|quietly washed|put away|pumped up|shows|has been using|might combine"
)
_WHAT = _listed(
    "a purple umbrella|the big map|eleven apples|some warm bread|a simple problem|the blue boat"
    "|two cups of coffee|an empty room|the number of the month|a thousand pebbles|fresh vegetables"
    "|a lamp made of amber|the treasure|a good book|that cheap jumper|the computer"
    "|a bump in the road"
    "|the yellow moth|a voice from above|five thin feathers|the garage|a loud vision of joy"
    "|a bowl of soup|the mumbling mob|an hour of music|the usual pleasure"
)
_WHERE = _listed(
    "before breakfast|on the bridge|in the middle of September|without permission|by the pump"
    "|at home|near the swamp|under the maple tree|for a while|beyond the harbour|very often"
    "|with both thumbs|after the storm|if possible|because of the weather|as usual|up the mountain"
)
_OPENERS = _listed(
    "Maybe|Please wait:|Well,|Of course|Honestly,|Hmm,|Yes,|No,|By the way,|Therefore|You see,|Oh,"
)
_NUMBERS = _listed(
    "The answer is {0}.|Call {0} {1} {2}.|It costs {0} dollars and {1} cents.|Page {0} of {1}."
    "|In {3} we were {0} people.|About {0} percent, or {1} points."
    "|Step {0}: plug in pump number {1}."
)
_ONSETS = _listed(
    "b|p|m|b|p|m|d|t|n|g|k|f|v|s|z|l|r|w|j|h|sh|ch|th|br|pl|pr|st|sp|sm|tr|kl|fl|gr|bl|dr|qu"
)
_NUCLEI = _listed("a|e|i|o|u|a|e|i|o|u|ee|oo|ai|ou|ea|au|oi")
_CODAS = _listed("||||||m|n|p|b|t|l|r|s|mp|nd|st|k|ng|mb")
HELD_OUT_TEXTS: tuple[str, ...] = (
    "Peter Piper picked a bumper crop of peppers, but Mabel made the jam.",
    "Map the problem, pump the brakes, and bring me a blank template.",
    "My mum's small umbrella popped open in the empty bedroom.",
    "Bees hum, lambs bleat, and a lumpy camel steps across the beach.",
    "Remember to climb the steep ramp at the top of the museum.",
    "The ambassador stumbled, grabbed a lamp post and smiled.",
    "Number twenty seven: a cup of tomato soup, maple bread and plums.",
    "Would you please explain how the digital human moves its lips?",
    "They both thought that the vision was unusual, yet rather charming.",
    "Keep the job simple; improve it step by step before the deadline.",
    "A bomb squad, a mobile lab and a paper map came from Birmingham.",
    "Whoever wrote this poem about blooming apples must be happy.",
)
"""Read for the gates only."""


def sentence(language: str, random: np.random.Generator) -> str:
    """Something to say in ``language``."""
    if not language.startswith("en"):
        return _invented(random)
    kind = random.random()
    if kind < 0.12:
        return _numbers(random)
    return _invented(random) if kind < 0.3 else _english(random)


def _pick(words: list[str], random: np.random.Generator) -> str:
    return words[int(random.integers(len(words)))]


def _english(random: np.random.Generator) -> str:
    text = " ".join(_pick(part, random) for part in (_WHO, _DOES, _WHAT, _WHERE))
    if random.random() < 0.35:
        text = f"{_pick(_OPENERS, random)} {text}"
    if random.random() < 0.3:
        text = f"{text}, and {_pick(_WHO, random)} {_pick(_DOES, random)} {_pick(_WHAT, random)}"
    return text[0].upper() + text[1:] + _pick([".", ".", "?", "!"], random)


def _numbers(random: np.random.Generator) -> str:
    drawn = [int(random.integers(1, limit)) for limit in (99, 60, 1000, 2100)]
    return _pick(_NUMBERS, random).format(*drawn)


def _invented(random: np.random.Generator) -> str:
    words = []
    for _ in range(int(random.integers(5, 9))):
        syllables = int(random.integers(1, 4))
        word = "".join(_pick(_ONSETS, random) + _pick(_NUCLEI, random) for _ in range(syllables))
        words.append(word + _pick(_CODAS, random))
    if len(words) > 6 and random.random() < 0.6:
        words[3] += ","
    return " ".join(words) + "."
