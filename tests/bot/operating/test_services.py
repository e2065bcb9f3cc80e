"""The files for Compose, systemd and Kubernetes, checked without any of them running."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bot.cli import EXIT_CONFIG
from bot.settings.env_file import environment_names
from bot.settings.settings import Settings
from tests.bot.operating.dockerfile import Stage, read_stages
from tests.conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
UNIT = DEPLOY / "litteragpt.service"
SYSTEMD = shutil.which("systemd-analyze")
DOCKER = shutil.which("docker")
SHUTDOWN_SECONDS = float(Settings.model_fields["shutdown_seconds"].default)
SETTINGS = set(environment_names().values())
# The highest exposure allowed, on the scale of systemd-analyze from 0 (safe) to 10
EXPOSURE = 2.0


def loaded(name: str) -> Any:
    """A YAML file of deploy/."""
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def image() -> Stage:
    return read_stages()[-1]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = loaded("compose.yaml")["services"]
    return services


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    """The objects of kubernetes.yaml by kind."""
    text = (DEPLOY / "kubernetes.yaml").read_text("utf-8")
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


@pytest.fixture(scope="module")
def pod(manifest: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = manifest["Deployment"]["spec"]["template"]["spec"]
    return pod


def seconds(span: str) -> float:
    """The seconds of a span such as `40s`."""
    return float(span.removesuffix("s"))


def test_compose_restricts_every_container(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "/tmp" in service["tmpfs"]  # noqa: S108
        assert "on-failure:" in service["restart"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        if "build" not in service:
            assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in named()


def named() -> set[str]:
    return set(loaded("compose.yaml")["volumes"])


def test_compose_matches_the_image(services: dict[str, Any], image: Stage) -> None:
    bot = services["bot"]
    assert "profiles" not in bot
    assert all(service["profiles"] == ["watch"] for service in services.values() if service != bot)
    assert bot["init"] is True
    assert seconds(bot["stop_grace_period"]) > SHUTDOWN_SECONDS
    volumes = image.words("VOLUME")
    assert [each.partition(":")[2] for each in bot["volumes"]] == volumes
    assert bot["environment"]["LITTERAGPT_STATE_DIR"] in volumes
    assert set(bot["environment"]) <= SETTINGS
    assert set(bot["build"]["args"]) <= set(read_stages()[0].pairs("ARG"))
    assert (DEPLOY / bot["build"]["context"] / "Dockerfile").exists()


def test_compose_connects_bot_prometheus_and_grafana(services: dict[str, Any]) -> None:
    port = services["bot"]["environment"]["LITTERAGPT_METRICS_PORT"]
    prometheus = loaded("prometheus.yaml")
    (job,) = prometheus["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"bot:{port}"]}]
    assert f'job="{job["job_name"]}"' in (DEPLOY / "alerts.yaml").read_text("utf-8")
    mounts = dict(each.split(":")[:2] for each in services["prometheus"]["volumes"])
    for rules in prometheus["rule_files"]:
        assert mounts[f"./{rules}"] == f"/etc/prometheus/{rules}"
    assert f"--config.file={mounts['./prometheus.yaml']}" in services["prometheus"]["command"]

    (source,) = loaded("grafana/datasources/prometheus.yaml")["datasources"]
    (published,) = services["prometheus"]["ports"]
    assert source["url"] == f"http://prometheus:{published.rpartition(':')[2]}"
    (provider,) = loaded("grafana/dashboards/litteragpt.yaml")["providers"]
    mounts = dict(each.split(":")[:2] for each in services["grafana"]["volumes"])
    assert Path(mounts["./grafana.json"]).parent == Path(provider["options"]["path"])
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == mounts["./grafana.json"]
    variables = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))["templating"]["list"]
    assert source["type"] in [each["query"] for each in variables if each["type"] == "datasource"]


def test_docker_compose_accepts_the_file() -> None:
    command = [DOCKER or "docker", "compose", "--file", str(DEPLOY / "compose.yaml")]
    if DOCKER is None or subprocess.run([*command[:2], "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    done = subprocess.run(
        [*command, "--profile", "watch", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text("utf-8"))
    return parser


def test_unit_restarts_by_exit_code(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assert service["RestartPreventExitStatus"] == str(EXIT_CONFIG)
    assert service["Restart"] == "on-failure"
    assert float(service["TimeoutStopSec"]) > SHUTDOWN_SECONDS
    assert (service["KillSignal"], service["KillMode"]) == ("SIGTERM", "mixed")


def test_unit_sets_existing_settings(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assigned = dict(each.split("=") for each in service["Environment"].split())
    assert {name for name in assigned if name.startswith("LITTERAGPT_")} <= SETTINGS
    assert assigned["LITTERAGPT_STATE_DIR"] == f"%S/{service['StateDirectory']}"


@pytest.fixture
def installed_unit(tmp_path: Path) -> Path:
    """The unit with the path of this installation."""
    text = UNIT.read_text("utf-8").replace("/opt/litteragpt/bin", str(Path(sys.executable).parent))
    (tmp_path / UNIT.name).write_text(text)
    return tmp_path / UNIT.name


@pytest.mark.skipif(SYSTEMD is None, reason="systemd-analyze is not installed")
def test_systemd_analyze_accepts_the_unit(installed_unit: Path) -> None:
    for arguments in (
        ["verify", "--man=no"],
        ["security", "--offline=true", "--no-pager", f"--threshold={round(10 * EXPOSURE)}"],
    ):
        done = subprocess.run(
            [str(SYSTEMD), *arguments, str(installed_unit)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_kubernetes_schema_accepts_every_object(manifest: dict[str, Any], version: str) -> None:
    assert set(manifest) == {"PersistentVolumeClaim", "Deployment", "Service"}
    for each in manifest.values():
        kubernetes_validate.validate(each, version, strict=True)


def test_kubernetes_schema_rejects_unknown_field(manifest: dict[str, Any]) -> None:
    wrong = manifest["Service"] | {"spec": {"portz": []}}
    with pytest.raises(kubernetes_validate.ValidationError, match="portz"):
        kubernetes_validate.validate(wrong, "1.30", strict=True)


def test_deployment_has_at_most_one_pod(manifest: dict[str, Any]) -> None:
    deployment = manifest["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert deployment["selector"]["matchLabels"] == labels
    assert manifest["Service"]["spec"]["selector"] == labels


def test_pod_matches_the_image(pod: dict[str, Any], image: Stage) -> None:
    (container,) = pod["containers"]
    uid, gid = map(int, image.values("USER")[0].split(":"))
    security = pod["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (uid, gid, gid)
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/: restricted
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    labels = image.pairs("LABEL")
    assert container["image"].partition(":")[2] == labels["org.opencontainers.image.version"]
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert set(mounts) == {"/tmp", *image.words("VOLUME")}  # noqa: S108
    assert set(mounts.values()) == {each["name"] for each in pod["volumes"]}
    assert pod["terminationGracePeriodSeconds"] > SHUTDOWN_SECONDS


def test_pod_sets_existing_settings(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    given = {each["name"]: each.get("value") for each in container["env"]}
    assert set(given) <= SETTINGS
    assert given["LITTERAGPT_METRICS_HOST"] == "0.0.0.0"  # noqa: S104 (for the kubelet)
    # Kubernetes would turn a Service's name into variables that look like settings.
    assert pod["enableServiceLinks"] is False


def test_probes_use_the_health_port(pod: dict[str, Any], manifest: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    given = {each["name"]: each.get("value") for each in container["env"]}
    (port,) = container["ports"]
    assert str(port["containerPort"]) == given["LITTERAGPT_METRICS_PORT"]
    probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    assert {each["httpGet"]["port"] for each in probes.values()} == {port["name"]}
    assert {name: each["httpGet"]["path"] for name, each in probes.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",  # a restart does not help when a platform is down
        "readiness": "/readyz",
    }
    liveness = probes["liveness"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 60
    (published,) = manifest["Service"]["spec"]["ports"]
    assert (published["port"], published["targetPort"]) == (port["containerPort"], port["name"])
