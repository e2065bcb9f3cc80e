"""The names of a checkpoint's files, known to those who look for checkpoints without torch."""

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
METRICS = "metrics.json"
CARD = "README.md"
DRAFTS = "drafts.safetensors"  # not every checkpoint has it
LEXICON = "lexicon.safetensors"  # nor this
