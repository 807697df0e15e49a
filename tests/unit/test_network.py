"""The way out of this machine: whose certificates are trusted, and which proxy serves what."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import certifi
import httpx2
import pytest
import requests

from argus_core import network
from argus_core.errors import ConfigError
from argus_core.network import proxy_for, set_up_session, transport_to, trusted

GEMINI = "https://generativelanguage.googleapis.com"
LIMITS = httpx2.Limits()


def set_all(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def without_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it as without the extra."""
    monkeypatch.setitem(sys.modules, "socksio", None)

    def find_spec(name: str) -> importlib.machinery.ModuleSpec | None:
        return None if name == "socks" else importlib.util.find_spec(name)

    monkeypatch.setattr(network, "find_spec", find_spec)


# Certificates


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize(
    ("place", "words"), [("nowhere", "No such file or directory"), ("empty", "holds no certificate")]
)
def test_a_setting_of_certificates_that_cannot_work_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str, words: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir() if name == "SSL_CERT_DIR" else empty.write_text("hostname\n")
    monkeypatch.setenv(name, str(tmp_path / place))
    with pytest.raises(ConfigError, match=words) as caught:
        trusted()
    assert caught.value.hint.startswith(f"{name} names {tmp_path / place}")


def test_an_empty_setting_of_certificates_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, SSL_CERT_FILE="", SSL_CERT_DIR=" ", REQUESTS_CA_BUNDLE="")
    assert trusted().verify_mode.name == "CERT_REQUIRED"
    session = requests.Session()
    set_up_session(session, GEMINI)
    assert session.verify is True


def test_certificates_of_ones_own_are_trusted_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = Path(certifi.where()).read_text(encoding="utf-8")
    one = pem[pem.index("-----BEGIN") : pem.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
    for place in (tmp_path / "own.pem", tmp_path / "0123abcd.0"):
        place.write_text(one)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    assert trusted().cert_store_stats()["x509"] == 1
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert trusted().verify_mode.name == "CERT_REQUIRED"


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_requests_knows_more_names_for_certificates(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/nowhere.pem")
    with pytest.raises(ConfigError, match=name):
        set_up_session(requests.Session(), GEMINI)
    monkeypatch.setenv(name, certifi.where())
    session = requests.Session()
    set_up_session(session, GEMINI)
    assert (session.verify, session.trust_env) == (certifi.where(), False)


# Proxies


@pytest.mark.parametrize(
    ("variables", "address", "proxy"),
    [
        ({}, GEMINI, None),
        ({"HTTPS_PROXY": "http://p:3128"}, GEMINI, "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:3128"}, "http://gemini.example", None),
        ({"HTTP_PROXY": "p:3128"}, "http://gemini.example", "http://p:3128"),
        ({"https_proxy": "http://small:1", "HTTPS_PROXY": "http://large:1"}, GEMINI, "http://small:1"),
        ({"HTTPS_PROXY": "", "ALL_PROXY": "socks5h://p:1"}, GEMINI, "socks5h://p:1"),
        ({"https_proxy": "http://p:1", "all_proxy": "socks5://q:1"}, GEMINI, "http://p:1"),
        ({"ALL_PROXY": "socks://127.0.0.1:7891/"}, GEMINI, "socks5://127.0.0.1:7891/"),
        ({"ALL_PROXY": "http://user:secret@p:1"}, GEMINI, "http://user:secret@p:1"),
        ({"ALL_PROXY": "http://[::1]:1"}, GEMINI, "http://[::1]:1"),
    ],
)
def test_one_proxy_serves_an_address(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], address: str, proxy: str | None
) -> None:
    set_all(monkeypatch, **variables)
    assert proxy_for(address) == proxy
    session = requests.Session()
    if proxy is None or "socks" not in proxy:
        set_up_session(session, address)
        assert session.proxies == ({"http": proxy, "https": proxy} if proxy else {})


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "127.3.2.1:1", "[::1]:80"])
def test_no_proxy_is_a_way_to_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    set_all(monkeypatch, ALL_PROXY="gopher://nonsense", HTTP_PROXY="socks9://nonsense")
    assert proxy_for(f"http://{host}") is None


@pytest.mark.parametrize(
    ("no_proxy", "address", "goes_straight"),
    [
        ("*", "https://a.example", True),
        ("example.org, a.example", "https://a.example", True),
        ("example.org a.example", "https://a.example", True),
        ("a.example", "https://b.a.example", True),
        (".a.example", "https://a.example", True),
        ("*.a.example", "https://b.a.example", True),
        ("A.Example", "https://a.EXAMPLE", True),
        ("a.example", "https://aa.example", False),
        ("a.example:443", "https://a.example", True),
        ("a.example:8443", "https://a.example", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3", "https://10.1.2.3:8443", True),
        ("10.1.2.3:8443", "https://10.1.2.3:8443", True),
        ("[fd00::1],fd01::/16", "https://[fd00::1]", True),
        ("fd00::/16", "https://[fd00::2]", True),
        ("https://a.example", "https://a.example", True),
        ("%,[,://,:", "https://a.example", False),
        ("", "https://a.example", False),
    ],
)
def test_hosts_that_are_excepted_are_reached_straight(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, address: str, goes_straight: bool
) -> None:
    set_all(monkeypatch, ALL_PROXY="http://p:1", NO_PROXY=no_proxy)
    assert (proxy_for(address) is None) == goes_straight


@pytest.mark.parametrize(
    "value",
    ["gopher://secret", "socks4://secret:1", "http://", "http://secret:99999", "http://secret:0", "http://[::1", "://"],
)
def test_a_proxy_that_is_none_is_told_by_the_name_of_its_setting(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("all_proxy", value)
    with pytest.raises(ConfigError) as caught:
        proxy_for(GEMINI)
    assert caught.value.hint.startswith("all_proxy holds no address of a proxy; write it as http://host:port")
    assert "secret" not in str(caught.value)


def test_a_socks_proxy_that_is_not_needed_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    without_socks(monkeypatch)
    set_all(monkeypatch, https_proxy="http://p:1", http_proxy="http://p:1", all_proxy="socks5://127.0.0.1:7891")
    assert transport_to(GEMINI, trusted(), LIMITS) is not None
    set_up_session(requests.Session(), GEMINI)
    set_all(monkeypatch, https_proxy="", NO_PROXY="googleapis.com")
    assert transport_to(GEMINI, trusted(), LIMITS) is not None
    monkeypatch.delenv("NO_PROXY")
    with pytest.raises(ConfigError, match=r"argus-tui\[socks\]"):
        transport_to(GEMINI, trusted(), LIMITS)
    with pytest.raises(ConfigError, match=r"requests\[socks\]"):
        set_up_session(requests.Session(), GEMINI)
