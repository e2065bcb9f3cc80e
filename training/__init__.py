"""Corpus, training and evaluation of decoders."""
