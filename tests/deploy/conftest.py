"""Tests that need a program of the system are collected where it is; the CI installs nginx."""

from __future__ import annotations

import shutil

_NEEDS = {"test_nginx.py": "nginx", "test_systemd_verify.py": "systemd-analyze"}

collect_ignore = [module for module, program in _NEEDS.items() if shutil.which(program) is None]
