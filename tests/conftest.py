"""What holds for every test: no setting of this machine reaches one, and no test is timed."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# A deadline would be a timed assertion, and a busy machine would fail it. `make unit` picks the quick profile.
settings.register_profile("thorough", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("thorough"), max_examples=40)
settings.load_profile("thorough")

# A shell starts what runs in the background with these ignored, and so would be every program that a test starts.
for _each in (signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_each) is signal.SIG_IGN:
        signal.signal(_each, signal.default_int_handler if _each == signal.SIGINT else signal.SIG_DFL)

OURS = ("ARGUS_", "GEMINI_", "GOOGLE_", "MONGO_URI", "JWT_SECRET_KEY", "PORT")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
OTHERS = (*PROXIES, *CERTIFICATES, "NO_COLOR", "EDITOR", "VISUAL")


@pytest.fixture(autouse=True)
def _settings_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the environment of this machine would set; tests that need something set it themselves."""
    for name in list(os.environ):
        kept = name.startswith("ARGUS_TEST_")
        if not kept and (name.startswith(OURS) or name.upper() in OTHERS):
            monkeypatch.delenv(name)
