"""Tests that need a program of the system are collected where it is; the CI installs nginx."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.deploy.served import environment_of_the_image

_NEEDS = {"test_nginx.py": "nginx", "test_systemd_verify.py": "systemd-analyze"}

collect_ignore = [module for module, program in _NEEDS.items() if shutil.which(program) is None]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The environment of the image, with a folder and a port of the test's own."""
    return environment_of_the_image(tmp_path)
