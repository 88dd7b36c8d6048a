"""The balancers' configurations in deploy/, each run before a real server, without any cookie."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from export.downloads import DOWNLOADS
from harness.balancers import BALANCERS, ask, balancing
from harness.servers import TRUSTING, Server, free_port


@pytest.fixture(scope="module", params=BALANCERS)
def balanced(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, served: Server
) -> Iterator[str]:
    """A balancer before two servers, of which one is not there."""
    alive = served.url.removeprefix("http://")
    folder = tmp_path_factory.mktemp(request.param)
    with balancing(request.param, folder, [alive, f"127.0.0.1:{free_port()}"]) as url:
        yield url


def test_the_page_comes_compressed_over_http_2_and_sets_no_cookie(balanced: str) -> None:
    for _ in range(10):  # whichever server the balancer tries first
        version, headers, body = ask(balanced, "-H", "Accept-Encoding: br")
        assert version == "2 200"
        assert headers["content-encoding"] == ["br"]
        assert "set-cookie" not in headers
        assert len(body) < 25_000


def test_every_download_arrives_whichever_server_is_asked(balanced: str) -> None:
    for download in DOWNLOADS:
        bodies = set()
        for _ in range(4):
            address = f"{balanced}/download/{download.file}?layers=3&step=300"
            version, headers, body = ask(address, "--retry", "5")
            assert version == "2 200", download.file
            assert "set-cookie" not in headers
            bodies.add(body)
        assert len(bodies) == 1, download.file


def test_a_websocket_is_let_through(balanced: str) -> None:
    address = balanced.replace("https:", "wss:") + "/_stcore/stream"
    with connect(address, ssl=TRUSTING, origin=balanced, subprotocols=["streamlit"]) as socket:  # type: ignore[list-item, arg-type]
        assert socket.response is not None
        assert socket.response.status_code == 101


@pytest.mark.parametrize("path", ["metrics", "_stcore/metrics", "healthz", "readyz"])
def test_what_is_for_operators_is_not_for_readers(balanced: str, path: str) -> None:
    assert ask(f"{balanced}/{path}")[0] == "2 404"
