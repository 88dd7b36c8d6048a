"""Streamlit's files on their way out: compressed, the same after decoding, kept by browsers."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import brotli
import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from streamlit.web.server.starlette.starlette_static_routes import create_streamlit_static_handler

from serving import frontend, packing
from serving.assets import Assets

# One of each kind that there is, none of them large: best compression takes seconds a megabyte.
KINDS = {".js", ".css", ".svg"}
FEW = [
    next(p for p in packing.texts() if p.endswith(kind) and p.startswith("static/"))
    for kind in sorted(KINDS)
]
SMALL = min(frontend.first_screen(), key=lambda path: (frontend.folder() / path).stat().st_size)
PACKED = [path for path in FEW if (frontend.folder() / path).stat().st_size < 200_000] + [SMALL]


def original(path: str) -> bytes:
    return (frontend.folder() / path).read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    packing.pack(folder, PACKED)
    return folder


class Client:
    """Asks the files' own server, without a socket."""

    def __init__(self, folder: Path) -> None:
        statics = create_streamlit_static_handler(str(frontend.folder()), "")
        routes, middleware = [Mount("/", statics)], [Middleware(Assets, folder=folder)]
        self._transport = httpx.ASGITransport(Starlette(routes=routes, middleware=middleware))

    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport) as client:
                request = client.build_request(method, f"http://files{path}", headers=named)
                answer = await client.send(request, stream=True)
                raw = b"".join([part async for part in answer.aiter_raw()])
                return httpx.Response(
                    answer.status_code,
                    headers=answer.headers.multi_items(),
                    extensions={"raw": raw},
                )

        return asyncio.run(ask())


def body(answer: httpx.Response) -> bytes:
    """What came over the wire."""
    raw: bytes = answer.extensions["raw"]
    return raw


@pytest.fixture(scope="module")
def client(folder: Path) -> Client:
    return Client(folder)


@pytest.mark.parametrize("path", PACKED)
@pytest.mark.parametrize(
    ("offer", "encoding"),
    [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip")],
)
def test_a_file_is_the_same_after_decoding(
    client: Client, path: str, offer: str, encoding: str
) -> None:
    answer = client.get(f"/{path}", accept_encoding=offer)
    raw = body(answer)
    assert answer.headers["Content-Encoding"] == encoding
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert "immutable" in answer.headers["Cache-Control"]
    assert (brotli.decompress(raw) if encoding == "br" else gzip.decompress(raw)) == original(path)
    as_it_is = client.get(f"/{path}", accept_encoding="identity")
    assert as_it_is.headers["Content-Type"] == answer.headers["Content-Type"]


@pytest.mark.parametrize("offer", ["", "identity", "zstd", "br;q=0, gzip;q=0"])
def test_who_takes_no_compression_gets_none(client: Client, offer: str) -> None:
    answer = client.get(f"/{SMALL}", accept_encoding=offer)
    assert "Content-Encoding" not in answer.headers
    assert body(answer) == original(SMALL)
    # Or a cache on the way would give it to everybody.
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_head_request_describes_what_a_get_would_bring(client: Client) -> None:
    get = client.get(f"/{SMALL}", accept_encoding="br")
    head = client.get(f"/{SMALL}", "HEAD", accept_encoding="br")
    assert body(head) == b""
    for name in ("Content-Length", "Content-Encoding", "ETag", "Cache-Control", "Vary"):
        assert head.headers[name] == get.headers[name]


def test_what_a_browser_has_is_not_sent_again(client: Client) -> None:
    first = client.get(f"/{SMALL}", accept_encoding="br")
    tag = first.headers["ETag"]
    for known in (tag, f'"another", W/{tag}', "*"):
        again = client.get(f"/{SMALL}", accept_encoding="br", if_none_match=known)
        assert again.status_code == 304
        assert body(again) == b""
        assert again.headers["ETag"] == tag
    other = client.get(f"/{SMALL}", accept_encoding="gzip", if_none_match=tag)
    assert other.status_code == 200


def test_a_range_is_one_of_the_file_itself(client: Client) -> None:
    part = client.get(f"/{SMALL}", accept_encoding="br", range="bytes=10-19")
    assert part.status_code == 206
    assert "Content-Encoding" not in part.headers
    assert body(part) == original(SMALL)[10:20]


def test_a_file_that_is_not_packed_yet_goes_out_as_it_is(client: Client) -> None:
    path = next(p for p in frontend.first_screen() if p not in PACKED)
    answer = client.get(f"/{path}", accept_encoding="br")
    assert body(answer) == original(path)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["static/../index.html", "static/js/..%2f..%2findex.html"])
def test_no_path_leads_out_of_the_files(client: Client, path: str) -> None:
    answer = client.get(f"/{path}", accept_encoding="br")
    assert "Content-Encoding" not in answer.headers


def test_two_who_pack_at_once_leave_whole_files_and_do_not_wait(tmp_path: Path) -> None:
    begun = tmp_path / f"{SMALL}.br.begun"
    begun.parent.mkdir(parents=True)
    begun.write_bytes(b"half")
    packing.pack(tmp_path, [SMALL])
    assert not (tmp_path / f"{SMALL}.br").exists()
    assert gzip.decompress((tmp_path / f"{SMALL}.gz").read_bytes()) == original(SMALL)


def test_a_server_that_may_write_nowhere_packs_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert packing.cache_folder() is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a folder"))
    found = packing.cache_folder()
    assert found is not None
    assert found.is_dir()


def test_the_first_screen_has_all_that_its_scripts_import() -> None:
    scripts = frontend.first_screen()
    assert any("/embed." in path for path in scripts)
    for path in scripts:
        assert frontend.folder().joinpath(path).is_file()
    # Nothing of what only other pages need.
    named = " ".join(scripts)
    assert not any(name in named for name in ("SyntaxHighlighter", "Plotly", "DeckGl", "DataFrame"))
