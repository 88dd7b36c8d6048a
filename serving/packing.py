"""Compresses Streamlit's files once, so that no request has to: ``python -m serving.packing``.

The image does it when it is built; elsewhere the server starts it beside itself, once for each
installed version of Streamlit. What is not compressed yet goes out as it is.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import brotli

from serving import frontend

# What is text. Fonts and pictures are compressed already.
_TEXTS = (".css", ".html", ".js", ".json", ".map", ".svg", ".txt", ".wasm")

# Encodings by the end of a packed file's name, the better one first.
ENCODINGS = {".br": "br", ".gz": "gzip"}

# Brotli's best takes seconds for a megabyte; the page needs none of the files that are larger.
_LARGE = 2**20

# Seconds after which whoever began to pack a file counts as gone.
_ABANDONED = 120.0

# Of the image, beside the program.
BUILT = Path(__file__).parent.parent / ".packed"


def texts() -> list[str]:
    """The files to pack, by their paths below Streamlit's folder; the first screen's first."""
    root = frontend.folder()
    first = list(frontend.first_screen())
    rest = sorted(
        path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix in _TEXTS
    )
    return list(dict.fromkeys(first + rest))


def version() -> str:
    """A name for the installed files: another one where any of them is another."""
    root = frontend.folder()
    # Their names carry hashes of what is in them; of the few that do not, the time tells.
    known = [(path, (root / path).stat()) for path in sorted(texts())]
    described = [f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in known]
    return hashlib.sha256("\n".join(described).encode()).hexdigest()[:16]


def cache_folder() -> Path | None:
    """Where a server without an image of its own keeps what it packed; None: nowhere."""
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        found = Path(cache) / "middle-layer" / version()
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Others could put their own scripts there.
        mine = not hasattr(os, "getuid") or found.stat().st_uid == os.getuid()
    except (OSError, RuntimeError):
        return None
    return found if mine and os.access(found, os.W_OK) else None


def pack(target: Path, paths: Iterable[str] | None = None) -> None:
    """Pack ``paths``, or else every text, as far as ``target`` does not have it yet."""
    for path in texts() if paths is None else paths:
        for ending, data in _missing(path, target):
            packed = target / f"{path}{ending}"
            packed.parent.mkdir(parents=True, exist_ok=True)
            _write(packed, data, ending)


def _missing(path: str, target: Path) -> Iterator[tuple[str, bytes]]:
    data = b""
    for ending in ENCODINGS:
        if not (target / f"{path}{ending}").exists():
            data = data or (frontend.folder() / path).read_bytes()
            yield ending, data


def _write(packed: Path, data: bytes, ending: str) -> None:
    begun = packed.with_name(f"{packed.name}.begun")
    with suppress(OSError):
        if time.time() - begun.stat().st_mtime > _ABANDONED:
            begun.unlink()
    try:
        # Two servers that start together share the work.
        with begun.open("xb") as file:
            file.write(_compressed(data, ending))
    except FileExistsError:
        return
    begun.replace(packed)


def _compressed(data: bytes, ending: str) -> bytes:
    if ending == ".gz":
        return gzip.compress(data, 9, mtime=0)
    packed: bytes = brotli.compress(data, quality=9 if len(data) > _LARGE else 11)
    return packed


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(19)
    pack(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILT)
