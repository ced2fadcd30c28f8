from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_human_runtime.engines.llm.builtin import BuiltinBrain
from digital_human_runtime.engines.llm.builtin.conversation import moment
from digital_human_runtime.engines.llm.builtin.dialogue import reply
from digital_human_runtime.engines.llm.builtin.knowledge import Knowledge
from digital_human_runtime.frames import FinishReason, Message
from digital_human_runtime.interfaces import LanguageModel
from tests.runtime.engines.llm.conformance import LanguageModelConformance, ask, heard

KNOWLEDGE = Knowledge()
NOON = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)


@pytest.fixture
def fresh() -> BuiltinBrain:
    return BuiltinBrain(clock=lambda: NOON)


@pytest.fixture
async def model(fresh: BuiltinBrain) -> AsyncIterator[BuiltinBrain]:
    await fresh.start()
    yield fresh
    await fresh.close()


class TestConformance(LanguageModelConformance):
    async def leftovers(self, model: LanguageModel) -> list[str]:
        return []  # it holds nothing between two words


class Talk:
    """A conversation with the brain."""

    def __init__(self, brain: BuiltinBrain, temperature: float = 0.0) -> None:
        self.brain = brain
        self.temperature = temperature
        self.history: list[Message] = []

    async def say(self, text: str) -> str:
        self.history.append(Message("user", text))
        pieces = self.brain.stream(self.history, max_tokens=200, temperature=self.temperature)
        answer = "".join([piece async for piece in pieces])
        self.history.append(Message("assistant", answer))
        return answer

    def interrupt(self, words: int) -> None:
        """Only so many words of the last answer were heard."""
        heard = " ".join(self.history.pop().content.split()[:words])
        self.history.append(Message("assistant", heard))


async def test_an_answer_of_just_the_longest_length_is_whole(model: BuiltinBrain) -> None:
    words = len(await heard(ask(model, max_tokens=500)))
    told: list[FinishReason] = []
    await heard(ask(model, max_tokens=words, finished=told.append))
    await heard(ask(model, max_tokens=words - 1, finished=told.append))
    assert told == ["stop", "length"]


@pytest.fixture
def talk(model: BuiltinBrain) -> Talk:
    return Talk(model)


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("Hello", "I am Ada"),
        ("hi there!", "I am Ada"),
        ("Good morning, Ada", "I am Ada"),
        ("", "I am Ada"),
        ("who are you?", "demo brain"),
        ("What is your name", "Ada"),
        ("what can you do?", "install"),
        ("Are you human?", "I am a program"),
        ("are you chatgpt", "demo brain"),
        ("How are you?", "green"),
        ("thanks!", "welcome"),
        ("goodbye", "Goodbye"),
        ("You are stupid!", "sorry"),
        ("Hallo, wie geht's?", "German"),
        ("Bonjour", "French"),
        ("¿Qué puedes hacer?", "Spanish"),
        ("Buongiorno", "Italian"),
        ("what time is it?", "12:05, UTC"),
        ("what day is it", "Sunday, March 1, 2026"),
        ("what is 12 times 7?", "84"),
        ("twenty five plus 3", "28"),
        ("20% of 50", "10"),
        ("10 / 4", "2.5"),
        ("1/3", "about 0.3333"),
        ("3 - 5", "minus 2"),
        ("5 divided by zero", "divided by zero"),
        ("what's 2 to the power of 10", "1024"),
        ("count to three", "One, two, three."),
        ("count to 99", "twenty at most"),
        ("say: bob buys big pies", "Bob buys big pies."),
        ("I want to die", "emergency number"),
        ("what's the weather like?", "internet"),
        ("Who am I talking to?", "demo brain"),
        ("Can you see me?", "I have eyes to look at"),
        ("why?", "in other words"),
        ("hahaha", "glad"),
        ("surprise me", "lips"),
        ("no thank you", "All right"),
        ("quit", "Goodbye"),
        ("what is the square root of 16", "4"),
        ("what's your job?", "digital human is"),
        ("how was your day", "green"),
        ("what is the capital of France?", "only the pages of this project"),
        ("who won the world cup in 1998?", "only the pages of this project"),
        ("how do I bake bread", "only the pages of this project"),
        ("9**9**9**9", "too large for me"),
        ("12345", "only the pages of this project"),
        ("asdf qwer", "only the pages of this project"),
        ("Hi! What is 2 + 2?", "Hello! That is 4."),
        ("blah blah " * 500, "a lot at once"),
    ],
)
async def test_it_answers(talk: Talk, said: str, answered: str) -> None:
    assert answered in await talk.say(said)


@pytest.mark.parametrize("said", ["...", "   ", "?!", "\u2014", "\n\n"])
async def test_silence_in_a_conversation_is_waited_out(talk: Talk, said: str) -> None:
    await talk.say("hello")
    assert "I am listening" in await talk.say(said)


async def test_it_remembers_the_name(talk: Talk) -> None:
    assert "not told me your name" in await talk.say("what's my name?")
    assert "Anna" in await talk.say("My name is anna")
    await talk.say("how are you")
    assert await talk.say("what's my name?") == "Your name is Anna."
    assert "Goodbye, Anna!" in await talk.say("bye")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("I'm Tom.", "Tom"),
        ("I am Anna Maria", "Anna Maria"),
        ("hello, my name's bob", "Bob"),
        ("Call me Ishmael", "Ishmael"),
        ("I'm tired", None),
        ("I am not happy", None),
        ("call me later", None),
    ],
)
async def test_names_are_told_from_other_words(talk: Talk, said: str, name: str | None) -> None:
    await talk.say(said)
    assert (f"Your name is {name}." == await talk.say("what is my name")) is (name is not None)


async def test_it_remembers_what_was_asked_and_said(talk: Talk) -> None:
    assert "not asked me anything" in await talk.say("what did I ask first?")
    talk.history.clear()
    first = await talk.say("what is 2 + 3?")
    await talk.say("thanks")
    assert "what is 2 + 3?" in await talk.say("What did I ask first?")
    assert "thanks" in await talk.say("what was my last question?")
    talk.history.clear()
    await talk.say("what is 2 + 3?")
    assert await talk.say("say that again please") == first


async def test_it_remembers_what_somebody_told_of_himself(talk: Talk) -> None:
    assert "not told me anything" in await talk.say("what do you know about me?")
    assert "remember that you live in" in await talk.say("I live in Berlin with my dog")
    await talk.say("My name is Tom")
    told = await talk.say("what do you know about me?")
    assert told == "You told me that your name is Tom and that you live in Berlin with your dog."


async def test_it_remembers_things_of_somebody(talk: Talk) -> None:
    await talk.say("My favourite colour is deep Blue")
    told = await talk.say("what is my favourite colour?")
    assert told == "You told me that your favourite colour is deep Blue."
    assert "only the pages" in await talk.say("what is my favourite dish?")


async def test_a_name_and_a_question_at_once_are_both_heard(talk: Talk) -> None:
    answer = await talk.say("Hello! My name is Tom. What is 2 + 2?")
    assert "Tom" in answer
    assert "That is 4." in answer


async def test_an_interrupted_answer_goes_on_where_it_was_cut(talk: Talk) -> None:
    whole = await talk.say("what can you do?")
    talk.interrupt(words=12)
    rest = await talk.say("go on")
    assert rest.startswith("As I was saying: ")
    assert whole.endswith(rest.removeprefix("As I was saying: "))


async def test_another_joke_is_another_one(model: BuiltinBrain) -> None:
    talk = Talk(model, temperature=0.7)
    jokes = [await talk.say("tell me a joke"), await talk.say("another one please")]
    jokes += [await talk.say("one more"), await talk.say("more")]
    assert len(set(jokes)) == 4


async def test_instructions_may_give_it_another_name(talk: Talk) -> None:
    talk.history.append(Message("system", "You are Grace, the host of a museum."))
    assert "I am Grace" in await talk.say("hello")


async def test_the_seed_decides_how_a_thing_is_said(model: BuiltinBrain) -> None:
    async def jokes(seed: int) -> list[str]:
        brain = BuiltinBrain(seed=seed)
        await brain.start()
        talk = Talk(brain, temperature=1.0)
        return [await talk.say(text) for text in ("tell me a joke", "hello", "thanks")]

    first = await jokes(1)
    assert await jokes(1) == first
    assert any([await jokes(seed) != first for seed in range(2, 8)])


@pytest.mark.parametrize(
    ("question", "answered"),
    [
        ("How do I install this?", "make talk"),
        ("how can I run this on an A100", "a100-80gb"),
        ("what is a digital human", "a language model that talks"),
        ("what is this?", "one Kubernetes object"),
        ("which ports are open", "8080 for the WebSocket"),
        ("can I use ollama", "DIGITAL_HUMAN_LLM_URL"),
        ("does it need a GPU?", "No GPU is needed"),
        ("there is no sound", "click it once"),
        ("it doesn't work", "digital-human-doctor"),
        ("what license is it", "Apache"),
        ("why is your voice so bad?", "eSpeak"),
        ("how do I uninstall it", "helm uninstall"),
    ],
)
async def test_newcomers_questions_are_answered_out_of_the_pages(
    talk: Talk, question: str, answered: str
) -> None:
    assert answered in await talk.say(question)


async def test_without_pages_it_talks_and_says_what_is_missing(tmp_path: Path) -> None:
    brain = BuiltinBrain(pages=tmp_path)
    await brain.start()
    check = brain.check()
    assert (check.ok, check.degraded) == (True, True)
    assert "no pages" in check.detail
    assert "Ada" in await Talk(brain).say("who are you?")
    assert "pages of this project" in await Talk(brain).say("what is kubernetes?")
    await brain.close()


PAGES = """# Gardening

How to grow things, in words that can be spoken.

## Tomatoes

Water tomatoes in the morning. Tomatoes like warm places. They want a stick to climb on, or
they fall over as soon as the first fruit grows. Cut the side shoots, which take the strength of
the plant. Pick them when they are red, and eat them on the same day. What is left can be
dried, or cooked with a little salt and kept in a jar.

Tomatoes do not like rain from above.

| plant | where | meaning |
|---|---|---|
| `basil` | pot | loves *sun*, see [herbs](https://example.com/herbs) |
| `mint` | shade | spreads everywhere |

```sh
tomato --water {"liters": 3}
```
"""


@pytest.fixture
async def gardener(tmp_path: Path) -> AsyncIterator[Talk]:
    (tmp_path / "README.md").write_text(PAGES)
    brain = BuiltinBrain(pages=tmp_path)
    await brain.start()
    yield Talk(brain)
    await brain.close()


async def test_a_question_that_follows_another_is_read_with_it(gardener: Talk) -> None:
    assert "morning" in await gardener.say("when do I water tomatoes?")
    assert "loves sun" in await gardener.say("and basil?")


async def test_tell_me_more_goes_on_with_what_was_not_said(gardener: Talk) -> None:
    asked = ("how do I grow tomatoes?", "tell me more", "what else", "more details please")
    said = [await gardener.say(text) for text in asked]
    assert "That is all I know about it." in said
    told = said[: said.index("That is all I know about it.")]
    assert len(told) >= 2
    assert len({sentence for text in told for sentence in text.split(". ")}) == sum(
        len(text.split(". ")) for text in told
    )


async def test_answers_are_short_and_plain(gardener: Talk) -> None:
    assert await gardener.say("tell me about basil") == "basil: loves sun, see herbs."
    for question in ("how do I grow tomatoes", "water", "what is gardening"):
        answer = await gardener.say(question)
        assert len(answer) < 300
        assert not set("`*#|[]<>{}").intersection(answer)


def test_every_question_of_the_page_finds_its_own_answer() -> None:
    knowledge, asked = KNOWLEDGE, 0
    for passage in knowledge.index.passages:
        if passage.page == "Questions and answers" and passage.heading.endswith("?"):
            for question in passage.heading.split("? "):
                found = knowledge.answer(question)
                assert found is not None
                assert found.heading == passage.heading
                asked += 1
    assert asked > 40


def test_pages_of_an_installed_package_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "README.md").write_text("# Title\n\nSome words of the readme.\n")
    (tmp_path / "docs" / "deep" / "a-page.md").write_text("Other words, without any title.\n")
    found = [(p.page, p.text) for p in Knowledge(tmp_path).index.passages]
    assert found == [
        ("Title", "Some words of the readme."),
        ("a page", "Other words, without any title."),
    ]


@given(
    st.lists(st.text(max_size=60) | st.sampled_from(["more", "again", "hi Ada", "1+"]), max_size=4)
)
@settings(max_examples=60, deadline=None)
def test_anything_is_answered_with_something(said: list[str]) -> None:
    history: list[Message] = []
    for text in said:
        history.append(Message("user", text))
        told = moment(history, persona="Ada", now=NOON, seed=1, varied=True)
        answer = reply(told, KNOWLEDGE)
        assert answer.strip()
        history.append(Message("assistant", answer))


async def test_nothing_that_it_says_is_markdown(talk: Talk) -> None:
    for question in ("how do I install this", "what is in the repository", "which fields has gpu"):
        answer = await talk.say(question)
        assert not set("`*#|[]<>").intersection(answer)
        assert "http" not in answer
