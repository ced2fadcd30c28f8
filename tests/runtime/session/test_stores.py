"""What both stores of sessions do alike."""

import asyncio
from dataclasses import replace

import pytest

from digital_human_runtime.frames import Message
from digital_human_runtime.session import Interrupted, Store
from digital_human_runtime.session.store import Admitted, Begun, Held, Record, Superseded

HELLO = (Message("user", "Hallo, wie geht's? 😀"), Message("assistant", "Gut."))
NOT_HEARD = Interrupted("", 0)


async def begun(store: Store, session: str, generation: int | None, question: str = "?") -> Begun:
    """A turn that must be allowed."""
    found = await store.begin(session, generation, question)
    assert isinstance(found, Begun), found
    return found


async def test_it_answers(store: Store) -> None:
    await store.ping()
    assert store.lost is False


async def test_a_ticket_opens_once(store: Store) -> None:
    admitted = Admitted("s1", "key:ada")
    await store.keep_ticket("digest", admitted)
    assert await store.take_ticket("digest") == admitted
    assert await store.take_ticket("digest") is None
    assert await store.take_ticket("another") is None


async def test_a_ticket_expires(store: Store) -> None:
    await store.keep_ticket("digest", Admitted("s1", "key:ada"))
    await asyncio.sleep(1.1)
    assert await store.take_ticket("digest") is None


async def test_only_one_of_many_gets_the_ticket(store: Store) -> None:
    await store.keep_ticket("digest", Admitted("s1", "key:ada"))
    found = await asyncio.gather(*(store.take_ticket("digest") for _ in range(10)))
    assert sum(admitted is not None for admitted in found) == 1


async def test_a_session_is_made_and_known(store: Store) -> None:
    made = await store.create("s1", "key:ada", "token")
    assert (made.generation, made.fence, made.history, made.interrupted) == (1, 0, (), None)
    assert await store.load("s1") == made
    assert await store.load("s2") is None


async def test_claiming_needs_the_token_and_the_principal(store: Store) -> None:
    made = await store.create("s1", "key:ada", "token")
    assert await store.claim("s1", "wrong", "new", "key:ada") is None
    assert await store.claim("s1", "token", "new", "key:eve") is None
    assert await store.claim("s2", "token", "new", None) is None
    assert await store.load("s1") == made
    claimed = await store.claim("s1", "token", "new", "key:ada")
    assert claimed is not None
    assert (claimed.token, claimed.generation) == ("new", 2)
    assert await store.claim("s1", "token", "newer", None) is None
    again = await store.claim("s1", "new", "newer", None)
    assert again is not None
    assert again.generation == 3


async def test_a_session_without_a_token_cannot_be_claimed(store: Store) -> None:
    await store.create("s1", "key:ada", "")
    assert await store.claim("s1", "", "new", None) is None


async def test_only_one_of_many_claims(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    found = await asyncio.gather(*(store.claim("s1", "token", f"new{i}", None) for i in range(10)))
    assert sum(record is not None for record in found) == 1


async def test_rotating_needs_the_generation(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    assert await store.rotate("s1", 1, "fresh")
    assert await store.claim("s1", "fresh", "new", None)
    assert not await store.rotate("s1", 1, "stale")
    assert not await store.rotate("s2", 1, "stale")


async def test_generations(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    await store.create("s2", "key:ada", "token")
    await store.claim("s2", "token", "new", None)
    assert await store.generations(["s1", "s2", "s3"]) == {"s1": 1, "s2": 2}
    assert await store.generations([]) == {}


async def test_a_turn_is_numbered_and_written_down_once(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    first = await begun(store, "s1", 1)
    assert first == Begun(1, ())
    assert await store.finish("s1", 1, HELLO, None)
    assert not await store.finish("s1", 1, HELLO, None)
    assert await begun(store, "s1", 1) == Begun(2, HELLO)


async def test_the_history_is_capped(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    for number in range(5):
        turn = await begun(store, "s1", 1)
        said = Message("user", f"q{number}"), Message("assistant", f"a{number}")
        await store.finish("s1", turn.fence, said, None)
    record = await store.load("s1")
    assert record is not None
    assert [message.content for message in record.history] == ["q3", "a3", "q4", "a4"]


async def test_an_unfinished_turn_is_offered(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    turn = await begun(store, "s1", 1, "why?")
    record = await store.load("s1")
    assert record is not None
    assert (record.interrupted, record.history) == (Interrupted("why?", 0), ())
    assert await store.renew("s1", turn.fence, 1, Interrupted("why?", 4711))
    claimed = await store.claim("s1", "token", "new", None)
    assert claimed is not None
    assert claimed.interrupted == Interrupted("why?", 4711)


async def test_a_greeting_is_not_offered(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    turn = await begun(store, "s1", 1, "")
    await store.renew("s1", turn.fence, 1, Interrupted("", 4711))
    record = await store.load("s1")
    assert record is not None
    assert record.interrupted is None


async def test_a_finished_turn_is_offered_only_if_it_was_cut_off(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    turn = await begun(store, "s1", 1, "why?")
    await store.finish("s1", turn.fence, HELLO, Interrupted("why?", 5))
    record = await store.load("s1")
    assert record is not None
    assert record.interrupted == Interrupted("why?", 5)
    turn = await begun(store, "s1", 1, "again?")
    await store.finish("s1", turn.fence, HELLO, None)
    record = await store.load("s1")
    assert record is not None
    assert record.interrupted is None


async def test_one_turn_at_a_time(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    chat = await begun(store, "s1", None)
    for generation in (1, None):
        held = await store.begin("s1", generation, "?")
        assert isinstance(held, Held)
        assert 0 < held.seconds <= 1.5
    await store.finish("s1", chat.fence, HELLO, None)
    await begun(store, "s1", 1)
    assert isinstance(await store.begin("s1", None, "?"), Held)


async def test_a_connection_takes_the_lock_of_its_own_earlier_turn(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    first = await begun(store, "s1", 1)
    second = await begun(store, "s1", 1)
    assert second.fence > first.fence
    assert not await store.renew("s1", first.fence, 1, NOT_HEARD)
    assert not await store.finish("s1", first.fence, HELLO, None)
    assert await store.finish("s1", second.fence, (), None)


async def test_a_new_connection_fences_the_turn_of_the_old_one(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    old = await begun(store, "s1", 1, "why?")
    await store.claim("s1", "token", "new", None)
    assert isinstance(await store.begin("s1", 1, "?"), Superseded)
    assert not await store.renew("s1", old.fence, 1, NOT_HEARD)
    assert not await store.finish("s1", old.fence, HELLO, None)
    new = await begun(store, "s1", 2)
    assert new.fence > old.fence
    assert new.history == ()


async def test_a_text_turn_survives_a_new_connection(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    chat = await begun(store, "s1", None)
    await store.claim("s1", "token", "new", None)
    assert isinstance(await store.begin("s1", 2, "?"), Held)
    assert await store.finish("s1", chat.fence, HELLO, None)
    assert (await begun(store, "s1", 2)).history == HELLO


async def test_the_lock_of_a_killed_process_expires(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    dead = await begun(store, "s1", None)
    await asyncio.sleep(1.6)
    alive = await begun(store, "s1", None)
    assert alive.fence > dead.fence
    assert not await store.finish("s1", dead.fence, HELLO, None)
    assert await store.finish("s1", alive.fence, HELLO, None)


async def test_a_renewed_lock_does_not_expire(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    turn = await begun(store, "s1", None)
    for _ in range(3):
        await asyncio.sleep(0.7)
        assert await store.renew("s1", turn.fence, None, NOT_HEARD)
    assert isinstance(await store.begin("s1", None, "?"), Held)


async def test_a_late_turn_that_nobody_replaced_is_still_written(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    turn = await begun(store, "s1", 1)
    await asyncio.sleep(1.6)
    assert await store.finish("s1", turn.fence, HELLO, None)


async def test_unknown_sessions(store: Store) -> None:
    assert await store.begin("nobody", 1, "?") is None
    assert not await store.renew("nobody", 1, 1, NOT_HEARD)
    assert not await store.finish("nobody", 1, HELLO, None)


async def test_a_session_that_nobody_uses_is_forgotten(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    await store.create("s2", "key:ada", "token")
    for _ in range(4):
        await asyncio.sleep(0.9)
        await store.generations(["s2"])
    assert await store.load("s1") is None
    assert await store.load("s2") is not None


async def test_activity_keeps_the_history_as_well(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    turn = await begun(store, "s1", 1)
    await store.finish("s1", turn.fence, HELLO, None)
    for _ in range(4):
        await asyncio.sleep(0.9)
        await store.generations(["s1"])
    record = await store.load("s1")
    assert record is not None
    assert record.history == HELLO


async def test_a_session_is_forgotten_on_demand(store: Store) -> None:
    await store.create("s1", "key:ada", "token")
    await begun(store, "s1", 1)
    await store.forget("s1")
    await store.forget("s1")
    assert await store.load("s1") is None
    assert await store.claim("s1", "token", "new", None) is None


async def test_restoring_writes_everything_unless_there_is_a_newer_one(store: Store) -> None:
    made = await store.create("s1", "key:ada", "token")
    went_on = replace(
        made, fence=7, history=HELLO, interrupted=Interrupted("why?", 3), token="t2", open=True
    )
    assert await store.restore(went_on)
    assert await store.load("s1") == went_on
    assert await store.finish("s1", 7, HELLO[:1], None)  # its turn goes on
    claimed = await store.claim("s1", "t2", "new", None)
    assert claimed is not None
    assert not await store.restore(went_on)
    assert await store.load("s1") == claimed


async def test_restoring_what_is_not_there(store: Store) -> None:
    assert await store.restore(Record("s1", "key:ada", "token", 3, 9, HELLO))
    claimed = await store.claim("s1", "token", "new", "key:ada")
    assert claimed is not None
    assert (claimed.history, claimed.generation) == (HELLO, 4)


@pytest.mark.parametrize("count", [200])
async def test_many_sessions_do_not_mix(store: Store, count: int) -> None:
    async def one(number: int) -> None:
        session = f"s{number}"
        await store.create(session, f"key:{number}", f"token{number}")
        turn = await begun(store, session, 1, f"q{number}")
        await store.finish(session, turn.fence, [Message("user", f"q{number}")], None)

    for start in range(0, count, 20):
        await asyncio.gather(*(one(number) for number in range(start, start + 20)))
    for number in range(0, count, 37):
        record = await store.load(f"s{number}")
        assert record is not None
        assert record.history == (Message("user", f"q{number}"),)
        assert record.principal == f"key:{number}"
