"""
Conversations: who may talk, what was said, who takes up whose session, and the end of a Pod.

    talk = Talk(engines=Engines(model, voice, face, fallback), store=MemoryStore(limits))
    await talk.start()
"""

from digital_human_runtime.pipeline import (
    Engines,
    Limits,
    Observer,
    Persona,
    TurnFigures,
    Unobserved,
)

from .admission import Gauges
from .conversation import ChatDone, Conversation, Interrupted, Opened, Principal, Sessions, Ticket
from .memory_store import MemoryStore
from .redis_store import RedisStore
from .store import Store, StoreLost
from .synthetic import SyntheticSpeech
from .talk import Talk

__all__ = [
    "ChatDone",
    "Conversation",
    "Engines",
    "Gauges",
    "Interrupted",
    "Limits",
    "MemoryStore",
    "Observer",
    "Opened",
    "Persona",
    "Principal",
    "RedisStore",
    "Sessions",
    "Store",
    "StoreLost",
    "SyntheticSpeech",
    "Talk",
    "Ticket",
    "TurnFigures",
    "Unobserved",
]
