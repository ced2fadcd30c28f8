"""What every voice does, whatever makes its sound; each voice runs this class."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np
import pytest

from digital_human_runtime.errors import BadInput, TooLarge, Unavailable
from digital_human_runtime.frames import Phoneme, Samples, Word
from digital_human_runtime.interfaces import Voice

ONE = "The quick brown fox jumps over the lazy dog."
OTHER = "Maybe a lamb, perhaps a map."
DEADLINE = 30.0
Make = Callable[[], Voice]


@dataclass(frozen=True)
class Heard:
    """A whole utterance."""

    samples: Samples
    words: tuple[Word, ...]
    phonemes: tuple[Phoneme, ...]
    pieces: int

    def texts(self, text: str) -> list[str]:
        return [text[word.start : word.end] for word in self.words]


async def listen(voice: Voice, text: str, name: str) -> Heard:
    """Hear all of it, and hold it to the shape of the seam."""
    samples: list[Samples] = []
    words: list[Word] = []
    phonemes: list[Phoneme] = []
    async with asyncio.timeout(DEADLINE), aclosing(voice.speak(text, voice=name)) as pieces:
        async for piece in pieces:
            assert piece.samples.dtype == np.int16
            assert piece.samples.ndim == 1
            samples.append(piece.samples)
            words += piece.words
            phonemes += piece.phonemes
    joined = np.concatenate([np.zeros(0, np.int16), *samples])
    return Heard(joined, tuple(words), tuple(phonemes), len(samples))


def assert_orderly(heard: Heard, text: str) -> None:
    """Marks lie inside the utterance and the text, one after the other."""
    end = len(heard.samples)
    for earlier, later in zip(heard.words, heard.words[1:], strict=False):
        assert earlier.end <= later.start
        assert earlier.last_sample <= later.first_sample
    for word in heard.words:
        assert 0 <= word.start < word.end <= len(text)
        assert 0 <= word.first_sample < word.last_sample <= end
    for before, after in zip(heard.phonemes, heard.phonemes[1:], strict=False):
        assert before.last_sample == after.first_sample
    for phoneme in heard.phonemes:
        assert 0 <= phoneme.first_sample < phoneme.last_sample <= end
        released = phoneme.release_sample
        assert released is None or phoneme.first_sample <= released <= phoneme.last_sample


class VoiceConformance:
    """A subclass has the fixtures ``voice`` (started), ``make`` (not started) and ``name``."""

    async def test_speaks_every_word_in_order(self, voice: Voice, name: str) -> None:
        heard = await listen(voice, ONE, name)
        assert heard.texts(ONE) == ONE.split()
        assert_orderly(heard, ONE)
        assert len(heard.samples) > voice.sample_rate
        assert np.abs(heard.samples).max() > 1000

    async def test_words_lie_where_there_is_sound(self, voice: Voice, name: str) -> None:
        heard = await listen(voice, ONE, name)
        for word in heard.words:
            sound = heard.samples[word.first_sample : word.last_sample].astype(np.float64)
            assert np.sqrt(np.mean(sound**2)) > 100

    @pytest.mark.parametrize("taken", range(6))
    async def test_a_cancel_leaves_nothing_for_the_next(
        self, voice: Voice, name: str, taken: int
    ) -> None:
        undisturbed = await listen(voice, OTHER, name)
        pieces = voice.speak(ONE * 20, voice=name)
        for _ in range(taken):
            await anext(pieces)
        await pieces.aclose()
        heard = await listen(voice, OTHER, name)
        assert heard.texts(OTHER) == undisturbed.texts(OTHER)
        # the noise in consonants of eSpeak NG differs from time to time, by some samples
        assert abs(len(heard.samples) - len(undisturbed.samples)) < 200

    async def test_a_cancelled_task_leaves_nothing_for_the_next(
        self, voice: Voice, name: str
    ) -> None:
        for turns in range(12):
            task = asyncio.create_task(listen(voice, ONE * 20, name))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (await listen(voice, OTHER, name)).texts(OTHER) == OTHER.split()

    async def test_many_at_once_are_independent(self, voice: Voice, name: str) -> None:
        texts = [ONE, OTHER] * 4
        alone = {text: len((await listen(voice, text, name)).samples) for text in (ONE, OTHER)}
        all_heard = await asyncio.gather(*(listen(voice, text, name) for text in texts))
        for text, heard in zip(texts, all_heard, strict=True):
            assert heard.texts(text) == text.split()
            assert abs(len(heard.samples) - alone[text]) < 200

    @pytest.mark.parametrize(
        "text", ["", " ", "\n\t\r", "...", "?! — «»", "\x00\x01\x1b", "\u200b"]
    )
    async def test_what_has_no_sound_is_silent(self, voice: Voice, name: str, text: str) -> None:
        heard = await listen(voice, text, name)
        assert not heard.words
        assert not np.abs(heard.samples).max(initial=0) > 200

    async def test_control_characters_do_nothing(self, voice: Voice, name: str) -> None:
        text = "One\x00two \x01150Sthree \x1b[31mfour\x85five \ud800six."
        heard = await listen(voice, text, name)
        assert_orderly(heard, text)
        assert heard.texts(text) == ["One", "two", "150Sthree", "[31mfour", "five", "six."]

    @pytest.mark.parametrize(
        "markup", ["<break/>", "&lt;b&gt;", "<speak>", "</audio>", "[[h@loU]]", "<!--x-->"]
    )
    async def test_markup_is_text(self, voice: Voice, name: str, markup: str) -> None:
        text = f"Before {markup} after."
        heard = await listen(voice, text, name)
        assert heard.texts(text) == ["Before", markup, "after."]

    async def test_a_long_text_is_heard_to_its_end(self, voice: Voice, name: str) -> None:
        text = " ".join(f"Sentence {number} goes on." for number in range(1, 300))
        heard = await listen(voice, text, name)
        assert_orderly(heard, text)
        assert " ".join(heard.texts(text)) == text

    async def test_a_word_without_end_is_heard(self, voice: Voice, name: str) -> None:
        text = "ba" * 900
        heard = await listen(voice, text, name)
        assert_orderly(heard, text)
        assert len(heard.samples) > voice.sample_rate

    async def test_a_text_that_is_too_long_is_refused(self, voice: Voice, name: str) -> None:
        with pytest.raises(TooLarge, match=r"text: .* characters"):
            await listen(voice, "ten chars. " * 5000, name)

    async def test_an_unknown_voice_is_refused(self, voice: Voice, name: str) -> None:
        with pytest.raises(BadInput, match="voice: "):
            await listen(voice, ONE, "nobody-of-this-name")

    async def test_the_empty_name_is_its_own_voice(self, voice: Voice) -> None:
        assert (await listen(voice, OTHER, "")).texts(OTHER) == OTHER.split()

    async def test_lists_the_voice(self, voice: Voice, name: str) -> None:
        assert name in voice.voices

    async def test_check_answers_at_once(self, voice: Voice, name: str) -> None:
        pieces = voice.speak(ONE, voice=name)
        await anext(pieces)
        assert voice.check().ok
        await pieces.aclose()
        assert voice.check().name == "voice"

    async def test_starts_and_ends_as_often_as_asked(self, make: Make, name: str) -> None:
        voice = make()
        assert not voice.check().ok
        with pytest.raises(Unavailable):
            await anext(voice.speak(ONE, voice=name))
        await voice.close()
        for _ in range(2):
            await voice.start()
            await voice.start()
            assert (await listen(voice, OTHER, name)).words
            await voice.close()
            await voice.close()
            assert not voice.check().ok
        with pytest.raises(Unavailable):
            await anext(voice.speak(ONE, voice=name))

    async def test_closing_ends_what_is_being_spoken(self, make: Make, name: str) -> None:
        voice = make()
        await voice.start()
        pieces = voice.speak(ONE * 100, voice=name)
        await anext(pieces)
        async with asyncio.timeout(DEADLINE):
            await voice.close()
            await pieces.aclose()
