"""Measurements: each module prints a table and is a command, `python -m benchmarks.NAME`."""
