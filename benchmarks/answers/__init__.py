"""What a checkpoint writes: `python -m benchmarks.answers --data FOLDER`."""
