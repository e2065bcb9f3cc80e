"""Servers that stand in for the platforms, over real sockets."""
