"""Voices: eSpeak NG in a process of its own, OpenAI-compatible servers, Piper, Riva."""
