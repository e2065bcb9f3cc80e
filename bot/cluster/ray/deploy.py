"""Deploys our application to a running cluster, or removes it. A program of its own, because it
imports Ray.

    python -m bot.cluster.ray.deploy ADDRESS ARGUMENTS    deploy; a JSON object, see `application`
    python -m bot.cluster.ray.deploy ADDRESS              remove, after the texts are finished
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """Deploy and wait for replicas, or remove. Exits with 0."""
    address, *arguments = sys.argv[1:]

    import ray
    from ray import serve

    from bot.cluster.ray.application import application
    from bot.cluster.ray.names import APPLICATION

    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    if arguments:
        serve.start(proxy_location="Disabled")  # bots use Ray's own handles, not HTTP
        wanted = application(json.loads(arguments[0]))
        serve.run(wanted, name=APPLICATION, route_prefix=None)
    else:
        serve.delete(APPLICATION)
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
