"""Failures a caller can act on, one type for each."""


class LitteraError(Exception):
    """Base of every failure this project raises on purpose; its text is fit to be shown."""


class CheckpointError(LitteraError):
    """A checkpoint cannot be used: the text names the file and what was expected of it."""


class PromptError(LitteraError):
    """A phrase or an option cannot be used: the text (Spanish) says what would be accepted."""
