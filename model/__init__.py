"""The decoder and what turns a phrase into sentences: tensors and text, nothing of chats."""
