"""
Voices: eSpeak NG in a process of its own, OpenAI-compatible servers, Piper, Riva.

    from digital_human_runtime.engines.voice.espeak.voice import EspeakVoice
    EspeakVoice(workers: int | None = None, *, manner: Manner | None = None,
                clause_seconds: float = 10.0, wait_seconds: float = 10.0)

    from digital_human_runtime.engines.voice.http import HttpVoice
    HttpVoice(url: str, model: str, *, voices: Sequence[str] = ("alloy",),
              api_key_file: Path | None = None, sample_rate: int = 24000,
              piece_seconds: float = 15.0, probe_seconds: float = 15.0)

    from digital_human_runtime.engines.voice.piper import PiperVoice
    PiperVoice(url: str, *, sample_rate: int = 22050, speaker: int | None = None,
               answer_seconds: float = 15.0, probe_seconds: float = 15.0)

    from digital_human_runtime.engines.voice.riva import RivaVoice
    RivaVoice(target: str, *, language: str = "en-US", sample_rate: int = 22050,
              voices: Sequence[str] = (), word_times: bool = False, tls: bool = False,
              root_certificates: Path | None = None, api_key_file: Path | None = None,
              metadata: Mapping[str, str] | None = None,
              piece_seconds: float = 15.0, probe_seconds: float = 15.0)

Each implements ``interfaces.Voice``. The last piece of an utterance may hold marks and no sound.
"""
