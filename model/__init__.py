"""The decoder and everything that turns a phrase into sentences: tensors and text, nothing of chats."""
