"""The systemd unit, read as the ini file it is."""

from __future__ import annotations

import shlex

from tests.deploy.files import SECRETS, SETTINGS, STOP_S, text


def service() -> dict[str, list[str]]:
    """Return the section [Service]; a name may stand more than once."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in text("argus.service").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def environment() -> dict[str, str]:
    pairs = (word.partition("=") for value in service()["Environment"] for word in shlex.split(value))
    return {name: value for name, _, value in pairs}


def test_it_runs_the_server_as_a_user_of_its_own() -> None:
    unit = service()
    assert unit["ExecStart"] == ["/opt/argus/bin/argus serve"]
    assert unit["User"] == ["argus"]


def test_its_settings_exist() -> None:
    assert environment().keys() <= SETTINGS


def test_secrets_come_as_credentials() -> None:
    loaded = {credential.partition(":")[0] for credential in service()["LoadCredential"]}
    secret = {name: value for name, value in environment().items() if name in SECRETS}
    assert secret.keys() == {"JWT_SECRET_KEY_FILE", "GEMINI_API_KEY_FILE"}
    assert {value.removeprefix("%d/") for value in secret.values()} == loaded


def test_it_may_write_to_its_own_folder_alone() -> None:
    unit, env = service(), environment()
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["ProtectHome"] == ["yes"]
    assert unit["NoNewPrivileges"] == ["yes"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["StateDirectory"] == ["argus"]
    assert [env["ARGUS_DATA_DIR"], *unit["WorkingDirectory"]] == ["%S/argus"] * 2
    assert env["ARGUS_CONFIG_DIR"].startswith("%S/argus/")


def test_it_is_asked_to_end_and_given_time_for_it() -> None:
    unit = service()
    assert unit["KillSignal"] == ["SIGTERM"]
    assert float(unit["TimeoutStopSec"][0]) >= STOP_S


def test_it_listens_behind_the_proxy_that_it_trusts() -> None:
    env = environment()
    assert env["ARGUS_HOST"] == env["ARGUS_TRUSTED_PROXIES"] == "127.0.0.1"
    assert f"server 127.0.0.1:{env['PORT']} " in text("nginx.conf")
