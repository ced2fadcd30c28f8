"""What every language model does, whatever it is made of: a suite that each engine inherits."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

import pytest

from digital_human_runtime.errors import EngineFault
from digital_human_runtime.frames import FinishReason, Message
from digital_human_runtime.interfaces import LanguageModel, untold

FIRST = (Message("user", "What is a digital human?"),)
SECOND = (
    Message("system", "You are Grace."),
    Message("user", "Hello"),
    Message("assistant", "Hello! I am Grace."),
    Message("user", "What is your name?"),
)


def ask(
    model: LanguageModel,
    messages: Sequence[Message] = FIRST,
    max_tokens: int = 24,
    finished: Callable[[FinishReason], None] = untold,
) -> AsyncGenerator[str]:
    return model.stream(messages, max_tokens=max_tokens, temperature=0.0, finished=finished)


async def heard(pieces: AsyncGenerator[str]) -> list[str]:
    return [piece async for piece in pieces]


class LanguageModelConformance:
    """A subclass gives the fixtures ``fresh`` (not started) and ``model`` (started)."""

    async def leftovers(self, model: LanguageModel) -> list[str]:
        """What an answer that was given up still holds; each engine knows where to look."""
        raise NotImplementedError

    async def test_it_streams_text_in_pieces(self, model: LanguageModel) -> None:
        pieces = await heard(ask(model))
        assert len(pieces) > 1
        assert all(pieces)
        assert "".join(pieces).strip()

    async def test_it_does_not_exceed_the_tokens_it_may_use(self, model: LanguageModel) -> None:
        assert len(await heard(ask(model, max_tokens=3))) <= 3

    async def test_an_answer_that_is_cut_says_so(self, model: LanguageModel) -> None:
        told: list[FinishReason] = []
        await heard(ask(model, max_tokens=3, finished=told.append))
        assert told == ["length"]

    async def test_one_that_was_given_up_says_nothing(self, model: LanguageModel) -> None:
        told: list[FinishReason] = []
        answer = ask(model, finished=told.append)
        await anext(answer)
        await answer.aclose()
        assert told == []

    async def test_the_same_conversation_is_answered_the_same_at_temperature_0(
        self, model: LanguageModel
    ) -> None:
        assert await heard(ask(model, SECOND)) == await heard(ask(model, SECOND))

    async def test_two_at_once_are_independent(self, model: LanguageModel) -> None:
        alone = ["".join(await heard(ask(model, messages))) for messages in (FIRST, SECOND)]
        async with asyncio.timeout(60):
            both = await asyncio.gather(heard(ask(model, FIRST)), heard(ask(model, SECOND)))
        assert ["".join(pieces) for pieces in both] == alone

    @pytest.mark.parametrize("pieces", [0, 1, 2])
    async def test_closing_leaves_nothing_behind(self, model: LanguageModel, pieces: int) -> None:
        tasks = asyncio.all_tasks()
        answer = ask(model)
        for _ in range(pieces):
            await anext(answer)
        await answer.aclose()
        assert await self.leftovers(model) == []
        assert asyncio.all_tasks() <= tasks
        assert await heard(ask(model))

    @pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8, 13])
    async def test_cancelling_at_any_point_leaves_nothing_behind(
        self, model: LanguageModel, steps: int
    ) -> None:
        listener = asyncio.create_task(heard(ask(model)))
        for _ in range(steps):
            await asyncio.sleep(0)
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        assert await self.leftovers(model) == []
        assert await heard(ask(model))

    async def test_one_that_was_given_up_does_not_disturb_another(
        self, model: LanguageModel
    ) -> None:
        alone = await heard(ask(model, SECOND))
        other = asyncio.create_task(heard(ask(model, SECOND)))
        given_up = ask(model)
        await anext(given_up)
        await given_up.aclose()
        assert "".join(await other) == "".join(alone)

    async def test_before_the_start_it_says_so(self, fresh: LanguageModel) -> None:
        assert not fresh.check().ok
        with pytest.raises(EngineFault, match="has not been started"):
            await anext(ask(fresh))

    async def test_it_is_good_once_started_and_not_after_its_end(
        self, model: LanguageModel
    ) -> None:
        check = model.check()
        assert (check.name, check.ok, check.degraded) == ("model", True, False)
        assert check.detail
        await model.close()
        assert not model.check().ok
        with pytest.raises(EngineFault, match="has not been started"):
            await anext(ask(model))

    async def test_it_may_be_closed_twice_and_started_again(self, model: LanguageModel) -> None:
        await model.close()
        await model.close()
        await model.start()
        assert await heard(ask(model))

    async def test_it_may_be_closed_without_a_start(self, fresh: LanguageModel) -> None:
        await fresh.close()
        assert not fresh.check().ok

    async def test_it_has_a_name(self, fresh: LanguageModel) -> None:
        assert fresh.name
