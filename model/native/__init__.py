"""The decoder on a CPU without torch: a C kernel, its loader and its backend.

Optional: if it could not be built, `library.load` returns None and PyTorch decodes.
"""
