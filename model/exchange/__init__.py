"""Checkpoints for other engines, and the original's checkpoint for this one.

Everything here works on `model.checkpoint.checkpoint` and NumPy arrays, without torch.
"""
