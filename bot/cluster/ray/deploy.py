"""Put our application into a running cluster, or take it out; a program of its own, for what it
imports.

    python -m bot.cluster.ray.deploy ADDRESS ARGUMENTS    a JSON object, see `application`
    python -m bot.cluster.ray.deploy ADDRESS              takes it out when it has finished
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """Deploy and wait until replicas write, or take out; 0 when it is done."""
    address, *arguments = sys.argv[1:]

    import ray
    from ray import serve

    from bot.cluster.ray.application import application
    from bot.cluster.ray.names import APPLICATION

    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    if arguments:
        serve.start(proxy_location="Disabled")  # nobody comes by HTTP
        wanted = application(json.loads(arguments[0]))
        serve.run(wanted, name=APPLICATION, route_prefix=None)
    else:
        serve.delete(APPLICATION)
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
