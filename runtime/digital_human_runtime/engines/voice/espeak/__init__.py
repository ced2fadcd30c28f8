"""
eSpeak NG as a voice: small, fast, every word and phoneme with its exact sample.

The library is under the GPL (COPYING, SOURCE.md), so it is loaded only by ``worker``, a program of
its own that is talked to through pipes, and by ``offline`` in the training's worker processes.
"""
