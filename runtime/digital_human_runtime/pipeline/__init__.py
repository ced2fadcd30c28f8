"""One turn: text, voice and face joined into one stream that the clock of the sound orders."""

from .ended import told
from .engines import Engines
from .figures import Observer, TurnFigures, Unobserved
from .limits import Limits
from .persona import Persona
from .prompt import prompt
from .reading import Finish, read
from .turn import Turn

__all__ = [
    "Engines",
    "Finish",
    "Limits",
    "Observer",
    "Persona",
    "Turn",
    "TurnFigures",
    "Unobserved",
    "prompt",
    "read",
    "told",
]
