"""Bots, their database and the cluster that writes for them: each part is hit once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.everything import BLOWS, everything_under_fire
from tests.chaos.test_chaos import FOUND_OUT
from tests.cluster.postgres import MISSING, programs, serving
from tests.cluster.ray_nodes import needs_ray, ray_cluster


@needs_ray
@pytest.mark.timeout(420)
async def test_whatever_is_hit_each_request_has_its_one_answer(
    checkpoints: Path, tmp_path: Path
) -> None:
    if programs() is None:
        pytest.skip(MISSING)
    with serving() as postgres, ray_cluster(tmp_path, checkpoints) as cluster:
        toll = await everything_under_fire(cluster, postgres, tmp_path, len(BLOWS), seed=1)
    told = "\n".join([*toll.lines(), *toll.violations])
    assert sorted(blow.part for blow in toll.blows) == sorted(BLOWS)
    assert len(toll.discord.accepted) > len(BLOWS), told
    assert len(toll.telegram.accepted) > len(BLOWS), told
    assert not toll.discord.lost, told
    assert not toll.telegram.lost, told
    assert not toll.discord.duplicated, told
    # Killed between Telegram's word and ours that a message was sent; see docs/reliability.md.
    assert len(toll.telegram.duplicated) <= 1, told
    assert not toll.refused, told
    assert toll.exit_code == 0, told
    odd = [each for each in toll.violations if not any(code in each for code in FOUND_OUT)]
    assert not odd, told
    for log in tmp_path.glob("bot-*.log"):
        assert "Traceback" not in log.read_text("utf-8")
        assert "En un lugar" not in log.read_text("utf-8")
