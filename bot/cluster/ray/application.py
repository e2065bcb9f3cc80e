"""The application on Ray Serve: a registry, and replicas that scale with the load.

A Serve config file (deploy/serve.yaml) names `application`; `litteragpt cluster up` runs it.
https://docs.ray.io/en/latest/serve/
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from ray import serve

from bot.cluster.ray.names import REGISTRY, REPLICA
from bot.cluster.ray.registry import Registry
from bot.cluster.ray.replica import Replica

# Period of Ray Serve's health checks, and time for a replica to answer one.
HEALTH_SECONDS, HEALTH_PATIENCE_SECONDS = 5.0, 30.0
# Time for a replica to finish its texts when it is stopped.
FINISH_SECONDS = 120.0
# Ongoing requests, as a share of a replica's rows, above which another replica is started.
LOAD = 0.75
# Ongoing requests, as a multiple of the rows; those beyond the rows wait in the engine.
OVERLOAD = 2
# Logs must not hold the requesters' phrases.
_LOGGING = {"log_level": "WARNING", "enable_access_log": False}


class Arguments(BaseModel):
    """The settings of the replicas.

    checkpoint: name in every node's checkpoints folder. rows: texts that a replica writes at a
    time. threads: 0 for as many as cpus. cpus, gpus: a replica's share of its node, may be
    fractions. upscale_seconds, downscale_seconds: how long the load must be too high or too low.
    """

    model_config = ConfigDict(extra="forbid")

    checkpoint: str = "small"
    engine: str = "auto"
    device: str = "auto"
    threads: int = Field(default=0, ge=0)
    rows: int = Field(default=16, ge=1)
    min_replicas: int = Field(default=1, ge=1)
    max_replicas: int = Field(default=1, ge=1)
    cpus: float = Field(default=1.0, gt=0)
    gpus: float = Field(default=0.0, ge=0)
    upscale_seconds: float = Field(default=10.0, ge=0)
    downscale_seconds: float = Field(default=300.0, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> Arguments:
        if self.max_replicas < self.min_replicas:
            raise ValueError("max_replicas is less than min_replicas")
        return self


def application(arguments: dict[str, Any]) -> Any:
    """The Serve application. Raises pydantic.ValidationError for unknown or wrong arguments."""
    wanted = Arguments.model_validate(arguments)
    registry = serve.deployment(Registry).options(
        name=REGISTRY,
        max_ongoing_requests=10_000,  # every replica has a report open all the time
        ray_actor_options={"num_cpus": 0},
        health_check_period_s=HEALTH_SECONDS,
        logging_config=_LOGGING,
    )
    replica = serve.deployment(Replica).options(
        name=REPLICA,
        max_ongoing_requests=OVERLOAD * wanted.rows,
        ray_actor_options={"num_cpus": wanted.cpus, "num_gpus": wanted.gpus},
        health_check_period_s=HEALTH_SECONDS,
        health_check_timeout_s=HEALTH_PATIENCE_SECONDS,
        graceful_shutdown_timeout_s=FINISH_SECONDS,
        graceful_shutdown_wait_loop_s=0.5,
        logging_config=_LOGGING,
        **_scaling(wanted),
    )
    options = {
        "engine": wanted.engine,
        "device": wanted.device,
        "threads": wanted.threads or max(1, int(wanted.cpus)),
        "rows": wanted.rows,
    }
    return replica.bind(registry.bind(wanted.checkpoint), options)


def _scaling(wanted: Arguments) -> dict[str, Any]:
    if wanted.min_replicas == wanted.max_replicas:
        return {"num_replicas": wanted.min_replicas}
    return {
        "autoscaling_config": {
            "min_replicas": wanted.min_replicas,
            "initial_replicas": wanted.min_replicas,
            "max_replicas": wanted.max_replicas,
            "target_ongoing_requests": max(1.0, LOAD * wanted.rows),
            "upscale_delay_s": wanted.upscale_seconds,
            "downscale_delay_s": wanted.downscale_seconds,
            "look_back_period_s": max(2.0, wanted.upscale_seconds),
            "metrics_interval_s": 1.0,
        }
    }
