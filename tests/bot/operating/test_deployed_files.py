"""The files for Prometheus and Grafana: valid, and about metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import promql_parser
import pytest
import yaml

from tests.bot.operating.watching import Scene
from tests.conftest import REPOSITORY

RULES = REPOSITORY / "deploy" / "alerts.yaml"
CONFIGURATION = REPOSITORY / "deploy" / "prometheus.yaml"
DASHBOARD = REPOSITORY / "deploy" / "grafana.json"
# Variables of Grafana
FILLED_IN = {"$__rate_interval": "5m", "$instance": ".*"}
# Metrics of Prometheus about its own scrapes
OF_PROMETHEUS = {"up"}
PROMTOOL = shutil.which("promtool")


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    content = yaml.safe_load(RULES.read_text("utf-8"))
    return [rule for group in content["groups"] for rule in group["rules"]]


def targets() -> list[str]:
    """The queries of the dashboard's panels."""
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    return [each["expr"] for panel in dashboard["panels"] for each in panel.get("targets", ())]


def metrics_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression names; raises ValueError if it is not valid."""
    for name, value in FILLED_IN.items():
        expression = expression.replace(name, value)
    found = set()

    def visit(each: promql_parser.Expr) -> None:
        if isinstance(each, promql_parser.MatrixSelector):
            found.add(each.vector_selector.name)
        elif isinstance(each, promql_parser.VectorSelector):
            found.add(each.name)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def family(name: str) -> str:
    """The metric that a sample belongs to."""
    return re.sub("_(bucket|count|sum)$", "", name)


@pytest.mark.asyncio(loop_scope="package")
async def test_alerts_and_panels_cover_every_metric(watched: Scene) -> None:
    exported = {sample.name for sample in await watched.watcher.samples()} | OF_PROMETHEUS
    expressions = [*(rule["expr"] for rule in rules()), *targets()]
    asked = {name for expression in expressions for name in metrics_in(expression)}
    assert len(expressions) > 30
    assert asked <= exported
    ours = {name for name in exported if re.match("litteragpt_(?!worker_process_)", name)}
    assert set(map(family, ours)) <= set(map(family, asked))


def test_invalid_expression_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"invalid|unexpected"):
        metrics_in("rate(litteragpt_requests_total[5m)")


def test_every_alert_has_instructions() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"].endswith(".")
        assert len(rule["annotations"]["description"]) > 40
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))


def test_panels_do_not_overlap() -> None:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_accepts_configuration_and_alerts() -> None:
    done = subprocess.run(
        [PROMTOOL, "check", "config", CONFIGURATION], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
