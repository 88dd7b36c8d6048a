"""One server for all tests of this folder that need a live one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.servers import Server, serving

TOKEN = "for tests only"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``server.py``, ready for readers."""
    log = tmp_path_factory.mktemp("served") / "server.log"
    settings = {
        "MIDDLE_LAYER_METRICS_TOKEN": TOKEN,
        "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "1",
    }
    with serving(log, settings) as server:
        yield server
