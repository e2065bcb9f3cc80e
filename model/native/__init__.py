"""The decoder on a CPU without torch: a kernel in C, and what loads and calls it.

It is optional: where it could not be built, `library.load` finds nothing and PyTorch decodes.
"""
