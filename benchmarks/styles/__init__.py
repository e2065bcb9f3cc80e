"""Does a checkpoint write like the author it is asked for? `python -m benchmarks.styles`."""
