"""What keeps a cluster from being used."""

from __future__ import annotations

from typing import ClassVar

from model.errors import CodedError


class ClusterError(CodedError):
    """The cluster cannot be reached, or nothing of ours runs there."""

    TEXTS: ClassVar[dict[str, str]] = {
        "cluster_away": "no Ray cluster answers at {address}",
        "cluster_refused": "the Ray cluster at {address} cannot be joined ({reason})",
        "cluster_empty": "the Ray cluster at {address} runs no LitteraGPT",
        "cluster_idle": "no replica of LitteraGPT writes in the Ray cluster at {address}",
    }
