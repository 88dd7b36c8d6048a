"""The files in deploy/: checked by the programs and the schemas they are written for."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import streamlit.config
import yaml

from harness.servers import ENVIRONMENT, ROOT
from live.settings import PREFIX, Settings

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
MANIFESTS = sorted(path for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml")
DOCUMENTATION = ROOT / "docs" / "hosting.md"


def manifest(name: str) -> Any:
    return yaml.safe_load((KUBERNETES / name).read_text())


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_fits_the_published_schema(path: Path) -> None:
    kubernetes_validate.validate(yaml.safe_load(path.read_text()), "1.34", strict=True)


def test_the_kustomization_names_every_manifest() -> None:
    named = manifest("kustomization.yaml")["resources"]
    assert sorted(named) == [path.name for path in MANIFESTS]


def test_the_image_holds_the_rooms_that_the_page_is_made_of_and_nothing_that_is_not_there() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!").rstrip("/") for line in lines if line.startswith("!")}
    assert [name for name in kept if not (ROOT / name).exists()] == []
    rooms = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert {*rooms["root_packages"], "app.py", "server.py", "requirements.txt"} <= kept


def test_everything_selects_the_labels_that_the_pods_have() -> None:
    deployment = manifest("deployment.yaml")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        manifest("service.yaml")["spec"]["selector"],
        manifest("disruption.yaml")["spec"]["selector"]["matchLabels"],
        manifest("network.yaml")["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in spread),
    ]
    assert all(selector == labels for selector in selectors)


def test_a_pod_may_write_only_where_it_has_to_and_is_nobody() -> None:
    pod = manifest("deployment.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
    assert pod["automountServiceAccountToken"] is False


def test_readers_are_sent_only_where_train_answers() -> None:
    (container,) = manifest("deployment.yaml")["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    # A server whose worker warms up must not be killed for it.
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_compose_gives_the_balancer_the_replicas_that_it_has() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    addresses = {
        value for name, value in services["balancer"]["environment"].items() if "REPLICA" in name
    }
    assert addresses == {f"{name}:8501" for name in services if name.startswith("replica")}
    assert len(addresses) == 3
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name


def test_compose_bounds_what_a_service_may_take() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name, service in services.items():
        assert service["pids_limit"] > 0, name
        assert service["mem_limit"], name
        assert all("size=" in mount for mount in service.get("tmpfs", [])), name


def test_compose_needs_the_address_of_the_page_because_a_cache_may_stand_before_it() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert ":?" in services["replica1"]["environment"]["MIDDLE_LAYER_URL"]


def test_the_ingress_shows_nothing_that_is_for_operators_and_bounds_an_address() -> None:
    ingress = manifest("ingress.yaml")
    paths = ingress["spec"]["rules"][0]["http"]["paths"]
    ports = [each["name"] for each in manifest("service.yaml")["spec"]["ports"]]
    hidden = {
        each["path"]
        for each in paths
        if each["backend"]["service"]["port"]["name"] not in ports and each["pathType"] == "Exact"
    }
    assert hidden == {"/readyz", "/healthz", "/metrics", "/_stcore/metrics"}
    limits = [name for name in ingress["metadata"]["annotations"] if "/limit-" in name]
    assert len(limits) == 3


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_of_the_lock_has_its_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    packages = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", text).strip())
    assert len(packages) > 40
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text
    assert "index" not in text


def test_the_image_installs_nothing_that_the_lock_does_not_know() -> None:
    assert "--require-hashes" in (ROOT / "Dockerfile").read_text()


def test_the_balancer_takes_its_configuration() -> None:
    haproxy = shutil.which("haproxy")
    if haproxy is None:
        pytest.skip("haproxy is not installed")
    addresses = {f"REPLICA_{n}": f"127.0.0.1:{9000 + n}" for n in (1, 2, 3)}
    done = subprocess.run(
        [haproxy, "-c", "-f", str(DEPLOY / "haproxy.cfg")],
        env={**os.environ, **addresses, "LISTEN": "127.0.0.1:9000"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr + done.stdout


def test_the_image_is_built_as_it_should_be() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not to be had for this system")
    command = [hadolint, ROOT / "Dockerfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_documented() -> None:
    used = {PREFIX + setting.name.upper() for setting in fields(Settings)}
    documented = set(re.findall(r"MIDDLE_LAYER_[A-Z_]+", DOCUMENTATION.read_text()))
    assert used == documented


def test_a_setting_is_read_in_one_place_only() -> None:
    rooms = ("model", "charts", "live", "ui", "export", "serving")
    files = [ROOT / "app.py", ROOT / "server.py"]
    files += [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    naming = {path.name for path in files if PREFIX in path.read_text()}
    assert naming == {"settings.py"}


@pytest.mark.parametrize(
    "name", ["Dockerfile", "Makefile", "docs/hosting.md", "deploy/machine/middle-layer.service"]
)
def test_servers_are_started_with_what_is_measured(name: str) -> None:
    text = (ROOT / name).read_text()
    assert ENVIRONMENT["GLIBC_TUNABLES"] in text
    assert "PYTHONMALLOC" in text


def test_a_space_is_told_the_port_that_the_image_exposes() -> None:
    head = yaml.safe_load((DEPLOY / "space" / "README.md").read_text().split("---")[1])
    port = re.search(r"^EXPOSE (\d+)", (ROOT / "Dockerfile").read_text(), re.M)
    assert port is not None
    assert (head["sdk"], head["app_port"]) == ("docker", int(port[1]))
    # What a Space refuses: longer than this.
    assert len(head["short_description"]) <= 60


def test_the_unit_starts_the_server_that_only_the_machine_itself_can_reach() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "machine" / "middle-layer.service")
    command = unit["Service"]["ExecStart"].split()
    assert (ROOT / command[command.index("run") + 1]).exists()
    options = command[command.index("run") + 2 :]
    known = streamlit.config.get_config_options()
    for name, value in zip(options[::2], options[1::2], strict=True):
        assert name.removeprefix("--") in known
        assert value
    assert options[options.index("--server.address") + 1] == "127.0.0.1"


def test_arrow_keeps_nothing_back() -> None:
    pool = "import server, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    command = [sys.executable, "-c", pool]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["system"]
