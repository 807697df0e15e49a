"""compose.yaml: a MongoDB that is a replica set with a keyfile, no default password, and an app that waits for it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.deploy.files import DEPLOY, ROOT, SECRETS, SETTINGS, STOP_S, seconds, text

COMPOSE: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
APP: dict[str, Any] = COMPOSE["services"]["argus"]
MONGO: dict[str, Any] = COMPOSE["services"]["mongo"]


def test_mongodb_is_a_replica_set_of_a_fixed_version_with_a_keyfile() -> None:
    command = MONGO["command"]
    assert re.fullmatch(r"mongo:[78]\.0", MONGO["image"])
    assert command[0] == "mongod"
    assert command[command.index("--replSet") + 1] == "rs0"
    assert command[command.index("--keyFile") + 1] in MONGO["entrypoint"][2]
    assert "-m 0400 /run/secrets/mongo_keyfile" in MONGO["entrypoint"][2]


def test_its_member_has_the_name_that_argus_connects_to() -> None:
    name = MONGO["hostname"]
    assert name in COMPOSE["services"]
    assert f'process.env.MEMBER ?? "{name}:27017"' in text("mongo-health.js")
    assert f"@{name}:27017/argus?replicaSet=rs0" in text("make-secrets")


def test_the_health_check_makes_the_set_once_and_signs_in() -> None:
    script = text("mongo-health.js")
    mounted = next(mount for mount in MONGO["volumes"] if "mongo-health.js" in mount)
    source, target, mode = mounted.split(":")
    assert (DEPLOY / source).is_file()
    assert mode == "ro"
    assert MONGO["healthcheck"]["test"] == ["CMD", "mongosh", "--nodb", "--quiet", target]
    order = ["mongo_root_password", "replSetGetStatus", "NotYetInitialized", "replSetInitiate", "isWritablePrimary"]
    places = [script.index(word) for word in order]
    assert places == sorted(places)


def test_argus_waits_for_a_mongodb_that_is_well() -> None:
    assert APP["depends_on"] == {"mongo": {"condition": "service_healthy"}}


def test_mongodb_is_reached_by_argus_alone_and_argus_from_this_machine() -> None:
    assert "ports" not in MONGO
    assert APP["ports"] == ["${PUBLISH:-127.0.0.1:8080}:8080"]
    assert APP["environment"]["PORT"] == "8080"


def test_data_outlives_the_containers() -> None:
    mounts = [mount.partition(":")[0] for one in (APP, MONGO) for mount in one["volumes"]]
    named = {mount for mount in mounts if not mount.startswith(".")}
    assert named == COMPOSE["volumes"].keys()
    assert "mongo-data:/data/db" in MONGO["volumes"]
    assert "argus-data:/data" in APP["volumes"]


@pytest.mark.parametrize("service", [APP, MONGO], ids=["argus", "mongo"])
def test_secrets_are_files_and_no_password_stands_in_it(service: dict[str, Any]) -> None:
    given = {f"/run/secrets/{name}" for name in service["secrets"]}
    secret = {name: value for name, value in service["environment"].items() if re.search("PASSW|SECRET|KEY|URI", name)}
    assert secret
    assert all(name.endswith("_FILE") and value in given for name, value in secret.items())


def test_every_secret_has_to_be_given() -> None:
    assert {name for one in (APP, MONGO) for name in one["secrets"]} == COMPOSE["secrets"].keys()
    for name, secret in COMPOSE["secrets"].items():
        assert re.fullmatch(rf"\$\{{SECRETS_DIR:\?[^}}]+\}}/{name}", secret["file"])


def test_what_has_a_default_is_no_secret() -> None:
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text("compose.yaml")))
    assert defaults == {"SIGNUP": "invite", "TRUSTED_PROXIES": "", "PUBLISH": "127.0.0.1:8080"}


def test_argus_has_settings_that_exist_and_its_three_secrets() -> None:
    assert APP["environment"].keys() <= SETTINGS
    wanted = {"MONGO_URI_FILE", "JWT_SECRET_KEY_FILE", "GEMINI_API_KEY_FILE"}
    assert APP["environment"].keys() & SECRETS == wanted


def test_argus_can_write_to_its_data_alone_and_has_no_rights() -> None:
    assert APP["read_only"] is True
    assert APP["tmpfs"] == ["/tmp"]
    assert APP["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in APP["security_opt"]


def test_running_answers_may_finish() -> None:
    assert seconds(APP["stop_grace_period"]) >= STOP_S


def test_it_is_built_by_the_dockerfile_from_the_whole_repository() -> None:
    context = (DEPLOY / APP["build"]["context"]).resolve()
    assert context == ROOT
    assert (context / APP["build"]["dockerfile"]).is_file()
