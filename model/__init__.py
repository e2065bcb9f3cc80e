"""The decoder and the engine that turns a phrase into sentences; independent of chats."""
