"""The names of a checkpoint's files."""

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
METRICS = "metrics.json"
CARD = "README.md"
DRAFTS = "drafts.safetensors"  # optional
LEXICON = "lexicon.safetensors"  # optional
