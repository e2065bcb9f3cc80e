"""Fault injection: users keep asking on both platforms while the bot is killed and restarted.

`python -m tests.chaos --kills 1000` is the long run and prints a report; a short run is part of the
tests."""
