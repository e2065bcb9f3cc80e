"""Exporting checkpoints to other engines, and importing those of the original LitteraGPT.

Works on `model.checkpoint.checkpoint` and NumPy arrays, without torch.
"""
