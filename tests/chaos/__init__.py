"""The bot under fire: people keep asking on both platforms while it is killed and started again.

`python -m tests.chaos --kills 1000` runs it at length and prints what came of it; the short run is
part of the tests.
"""
