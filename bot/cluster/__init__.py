"""The cluster: replicas on Ray Serve that write, and how the bot reaches them.

    bot ── lines of JSON ── bridge ── Ray ── replica, replica, ...
                                               └── registry: which checkpoint they all write with

The bot's process never imports Ray: `bridge` is a worker program like `bot.worker`, which can be
killed and started again. docs/cluster.md says how it is run and what it guarantees.
"""
