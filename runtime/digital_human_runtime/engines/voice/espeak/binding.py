"""
The C interface of eSpeak NG, for a process that does nothing else.

The library keeps one global state and is not thread-safe: one ``Library`` in a process, used by
one thread. Facts of its interface are from its header speak_lib.h.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence

import espeakng_loader

from .events import Kind, RawEvent

_KINDS: dict[int, Kind] = {1: "word", 5: "end", 7: "phoneme"}
_SYNCHRONOUS = 2
_PHONEME_EVENTS = 1
_UTF8 = 1
_OK = 0
_STOPPED = 1
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "pitch_range": 4, "word_gap": 7}
_WITHOUT_DICTIONARY = {"fo", "kaa", "xex"}
"""Languages that the wheel lists but cannot read a text in."""
PIECE_MS = 60
"""Length of the pieces in which sound comes; the library takes no less."""


class LibraryError(Exception):
    """The library is missing, is not the one we know, or refuses a call."""


Piece = Callable[[bytes, Sequence[RawEvent]], bool]
"""Takes PCM and its events as they are made; False ends the synthesis."""


class _Identifier(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("pointer", ctypes.c_void_p), ("text", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("message", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("id", _Identifier),
    ]


class _VoiceRecord(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("padding", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class Library:
    """The loaded library; raises LibraryError when it cannot be used."""

    def __init__(self) -> None:
        try:
            self._c = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise LibraryError(f"eSpeak NG cannot be loaded: {error}") from error
        self._c.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceRecord))
        self._c.espeak_Info.restype = ctypes.c_char_p
        data = espeakng_loader.get_data_path().encode()
        rate = self._c.espeak_Initialize(_SYNCHRONOUS, PIECE_MS, data, _PHONEME_EVENTS)
        if rate <= 0:
            raise LibraryError("eSpeak NG does not find its data: install espeakng-loader again.")
        self.sample_rate = int(rate)
        self._take: Piece | None = None
        self._failure: BaseException | None = None
        self._ended = False
        self._callback = _Callback(self._sound)  # kept: the library holds only a pointer to it
        self._c.espeak_SetSynthCallback(self._callback)

    @property
    def version(self) -> str:
        """Of the library, such as ``1.52.0``."""
        path = ctypes.c_char_p()
        return str(self._c.espeak_Info(ctypes.byref(path)).decode())

    def languages(self) -> dict[str, str]:
        """Language tags such as ``en-us``, each with the name that ``set_voice`` knows it by."""
        found: dict[str, str] = {}
        for record in self._records(None):
            # a byte of priority precedes the tag
            tag = ctypes.string_at(record.languages + 1).decode().lower()
            identifier = record.identifier.decode()
            if tag not in _WITHOUT_DICTIONARY:
                found[tag] = min(identifier, found.get(tag, identifier), key=len)
        return found

    def variants(self) -> list[str]:
        """Speakers that any language can be spoken by, such as ``f3`` or ``klatt2``."""
        wanted = _VoiceRecord(languages=ctypes.cast(ctypes.c_char_p(b"variant"), ctypes.c_void_p))
        records = self._records(ctypes.byref(wanted))
        return sorted(record.identifier.decode().partition("/")[2] for record in records)

    def _records(self, wanted: object) -> Iterator[_VoiceRecord]:
        for record in self._c.espeak_ListVoices(wanted):
            if not record:
                return
            yield record.contents

    def set_voice(self, name: str) -> None:
        """Speak as ``name`` from the next text on; unknown names raise LibraryError."""
        if self._c.espeak_SetVoiceByName(name.encode()) != _OK:
            raise LibraryError(f"eSpeak NG has no voice {name!r}.")

    def set_parameters(self, **values: int) -> None:
        """Set ``rate`` (words a minute), ``pitch``, ``pitch_range``, ``volume``, ``word_gap``."""
        for name, value in values.items():
            if self._c.espeak_SetParameter(_PARAMETERS[name], value, 0) != _OK:
                raise LibraryError(f"eSpeak NG refuses {name} = {value}.")

    def seed(self, value: int) -> None:
        """Begin the noise in voices and consonants anew; without, it begins by the time of day."""
        self._c.espeak_ng_SetRandSeed(ctypes.c_long(value))

    def synthesise(self, text: str, take: Piece) -> bool:
        """
        Speak ``text``, handing over each piece as it is made; False when ``take`` ended it.

        The text is plain: markup in it is read out. It holds no NUL and no lone surrogates.
        """
        self._take, self._failure, self._ended = take, None, False
        raw = text.encode()
        status = self._c.espeak_Synth(
            ctypes.c_char_p(raw), ctypes.c_size_t(len(raw) + 1), 0, 1, 0, _UTF8, None, None
        )
        self._take = None
        if self._failure is not None:
            raise self._failure
        if status not in (_OK, _STOPPED):
            raise LibraryError(f"eSpeak NG gave up with status {status}.")
        return not self._ended

    def close(self) -> None:
        """Free what the library holds."""
        self._c.espeak_Terminate()

    def _sound(self, samples: int | None, count: int, events: ctypes.Array[_Event]) -> int:
        try:
            pcm = ctypes.string_at(samples, 2 * count) if samples and count > 0 else b""
            self._ended = self._take is not None and not self._take(pcm, _decode(events))
        except BaseException as error:  # noqa: BLE001 - must not cross the C frames; raised again
            self._failure = error
            self._ended = True
        return int(self._ended)


def _decode(events: ctypes.Array[_Event]) -> list[RawEvent]:
    decoded = []
    for event in events:
        if event.type == 0:
            break
        kind = _KINDS.get(event.type)
        if kind is not None:
            name = event.id.text.decode("utf-8", "ignore") if kind == "phoneme" else ""
            decoded.append(
                RawEvent(kind, event.sample, max(0, event.position - 1), event.length, name)
            )
    return decoded
