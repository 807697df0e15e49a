"""Procfile, Render, Railway and Traefik: nothing of it runs here, so it is read and compared with what Argus has."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.deploy.files import DEPLOY, ROOT, SECRETS, SETTINGS, STOP_S, seconds, text
from tests.deploy.test_docker import of

HEALTH = "/healthz"


def test_the_procfile_runs_what_the_image_runs() -> None:
    kind, _, command = text("Procfile").strip().partition(": ")
    assert kind == "web"
    assert command.split() == json.loads(of("CMD")[0])


def test_the_requirements_are_the_lock() -> None:
    generator = ["sh", str(ROOT / ".ci" / "lock" / "requirements")]
    written = subprocess.run(generator, capture_output=True, text=True, check=True).stdout
    assert text("requirements.txt") == written, (
        "run `make lock`, or `sh .ci/lock/requirements > deploy/requirements.txt`"
    )
    assert "://" not in written  # no address of a package host


@pytest.mark.parametrize("host", ["render", "heroku", "railway"])
def test_hosts_without_docker_install_the_lock_then_argus_and_start_the_procfile(host: str) -> None:
    page = (ROOT / "docs" / "deploy" / f"{host}.md").read_text(encoding="utf-8")
    start = text("Procfile").strip().partition(": ")[2]
    assert "deploy/requirements.txt" in page
    assert re.search(r"pip install -r (deploy/)?requirements\.txt", page)
    assert "pip install --no-deps --no-build-isolation ." in page
    assert start in page


def test_render_builds_the_image_asks_for_secrets_and_waits_for_the_drain() -> None:
    (service,) = yaml.safe_load(text("render.yaml"))["services"]
    env: dict[str, dict[str, Any]] = {entry["key"]: entry for entry in service["envVars"]}
    assert (service["type"], service["runtime"]) == ("web", "docker")
    assert (ROOT / service["dockerContext"] / service["dockerfilePath"]).samefile(DEPLOY / "Dockerfile")
    assert service["healthCheckPath"] == HEALTH
    assert STOP_S <= service["maxShutdownDelaySeconds"] <= 300
    assert env.keys() <= SETTINGS
    assert {name for name, entry in env.items() if "value" in entry} & SECRETS == set()
    assert env["JWT_SECRET_KEY"] == {"key": "JWT_SECRET_KEY", "generateValue": True}
    assert env["MONGO_URI"]["sync"] is False
    assert env["GEMINI_API_KEY"]["sync"] is False


def test_railway_builds_the_image_and_waits_for_the_drain() -> None:
    service = json.loads(text("railway.json"))
    assert service["build"]["builder"] == "DOCKERFILE"
    assert (ROOT / service["build"]["dockerfilePath"]).samefile(DEPLOY / "Dockerfile")
    assert service["deploy"]["healthcheckPath"] == HEALTH
    assert service["deploy"]["drainingSeconds"] >= STOP_S
    assert "startCommand" not in service["deploy"]  # the image knows it


def test_traefik_passes_streams_on_at_once_and_never_ends_them() -> None:
    static = yaml.safe_load(text("traefik.yaml"))
    secure = static["entryPoints"]["websecure"]
    timeouts = secure["transport"]["respondingTimeouts"]
    service = yaml.safe_load(text("traefik-argus.yaml"))["http"]["services"]["argus"]["loadBalancer"]
    assert timeouts["writeTimeout"] == "0s"
    assert seconds(timeouts["readTimeout"]) >= 300
    assert service["responseForwarding"]["flushInterval"].startswith("-")
    assert service["healthCheck"]["path"] == "/readyz"
    assert "sticky" not in service


def test_traefik_believes_no_client_and_shows_no_numbers() -> None:
    static = yaml.safe_load(text("traefik.yaml"))
    http = yaml.safe_load(text("traefik-argus.yaml"))["http"]
    assert all("forwardedHeaders" not in entry for entry in static["entryPoints"].values())
    assert static["entryPoints"]["web"]["http"]["redirections"]["entryPoint"]["scheme"] == "https"
    assert "!Path(`/metrics`)" in http["routers"]["argus"]["rule"]
    assert "middlewares" not in http  # compress and buffering would hold streams back


def test_the_parts_of_traefik_find_each_other() -> None:
    static = yaml.safe_load(text("traefik.yaml"))
    http = yaml.safe_load(text("traefik-argus.yaml"))["http"]
    router = http["routers"]["argus"]
    assert static["providers"]["file"]["filename"].endswith("/traefik-argus.yaml")
    assert router["service"] in http["services"]
    assert set(router["entryPoints"]) <= static["entryPoints"].keys()
    assert router["tls"]["certResolver"] in static["certificatesResolvers"]
    assert http["services"]["argus"]["loadBalancer"]["serversTransport"] in http["serversTransports"]
