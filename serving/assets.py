"""Streamlit's files as they go out: compressed beforehand, kept by browsers for a year."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import packing

_MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}

# The names of the files change with what is in them.
_FOR_EVER = "public, immutable, max-age=31536000"


class Assets:
    """Answers for Streamlit's text files with what is packed; all else is Streamlit's.

    A request for a range gets the file as it is: ranges of a packed one are of use to nobody.
    """

    def __init__(self, app: ASGIApp, folder: Path | None) -> None:
        self._app = app
        self._folder = folder
        self._texts = frozenset(packing.texts())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        at = scope["path"].find("/static/") if scope["type"] == "http" else -1
        if at < 0:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"][at + 1 :]
        packed = self._packed(path, headers) if scope["method"] in ("GET", "HEAD") else None
        if packed is None:
            await self._app(scope, receive, _shared(send, path in self._texts))
        else:
            await _answer(packed, headers)(scope, receive, send)

    def _packed(self, path: str, headers: Headers) -> Path | None:
        if self._folder is None or path not in self._texts or "range" in headers:
            return None
        wanted = accepted(headers.get("accept-encoding", ""))
        for ending, encoding in packing.ENCODINGS.items():
            packed = self._folder / f"{path}{ending}"
            if encoding in wanted and packed.exists():
                return packed
        return None


def accepted(header: str) -> set[str]:
    """The encodings that an ``Accept-Encoding`` allows."""
    offers = (each.partition(";") for each in header.lower().replace(" ", "").split(","))
    return {name for name, _, weight in offers if weight.strip("q=.0") or not weight}


def is_known(tag: str, headers: Headers) -> bool:
    """Whether who asks says that it has what ``tag`` names."""
    known = headers.get("if-none-match", "")
    return known.strip() == "*" or tag in {
        each.strip().removeprefix("W/") for each in known.split(",")
    }


def _answer(packed: Path, headers: Headers) -> Response:
    body, tag = _read(packed)
    described = {
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": _FOR_EVER,
        "ETag": tag,
        "Vary": "Accept-Encoding",
    }
    known = headers.get("if-none-match", "")
    if known.strip() == "*" or tag in {
        each.strip().removeprefix("W/") for each in known.split(",")
    }:
        return Response(status_code=304, headers=described)
    described["Content-Encoding"] = packing.ENCODINGS[packed.suffix]
    return Response(body, headers=described, media_type=_MEDIA[Path(packed.stem).suffix])


@cache
def _read(packed: Path) -> tuple[bytes, str]:
    """The bytes, and the tag that every replica has for them."""
    body = packed.read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def _shared(send: Send, is_text: bool) -> Send:
    """Everybody's files: a page in a sandboxed frame, which has no origin, reads them too."""

    async def send_shared(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = "*"
            if is_text:
                headers.add_vary_header("Accept-Encoding")
        await send(message)

    return send_shared


def packed_folder() -> Path | None:
    """Where packed files are, or will be; None where no file can be written."""
    return packing.BUILT if packing.BUILT.is_dir() else packing.cache_folder()


@contextmanager
def packer(folder: Path | None) -> Iterator[None]:
    """Pack what is missing, in a process of its own that yields to everything else."""
    if folder in (None, packing.BUILT):
        yield
        return
    command = [sys.executable, "-m", packing.__name__, str(folder)]
    root = Path(__file__).parent.parent
    process = subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()
