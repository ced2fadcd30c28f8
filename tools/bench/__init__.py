"""Benchmarks: each measures itself and a yardstick in one run and writes build/bench/NAME.json."""
