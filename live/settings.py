"""What whoever hosts the page may set, by environment variable; docs/hosting.md explains each.

Read once, here, for ``server.py`` and ``app.py`` alike. A value that cannot be ends the server
before a reader has met it, and says which one it was and what is allowed.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self
from urllib.parse import urlsplit

from live.machine import MACHINE, SMALLEST

PREFIX = "MIDDLE_LAYER_"

# A seat is a reader with two charts' worth of history and a thread: in MiB.
_A_SEAT = 1.5

MOST_WORKERS, MOST_SEATS, MOST_MEMORY = 64, 100_000, 2**20


def seats_for(memory: int) -> int:
    """Readers that a process with so much memory (MiB) takes, unless a setting says otherwise."""
    return min(250, max(10, int((memory - SMALLEST) / _A_SEAT)))


def _setting(default: Any, read: Callable[[str], Any], allowed: str) -> Any:
    return field(default=default, metadata={"read": read, "allowed": allowed})


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError
        return number

    return read


def _address(text: str) -> str:
    text = text.rstrip("/")
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
        raise ValueError
    return text


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(text.split())
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts[2:] != ("", "", ""):
            raise ValueError
    return origins


def _sources(text: str) -> str:
    # It becomes part of a header in which these two begin something else.
    if not text or not re.fullmatch(r"[^;,\r\n]+", text):
        raise ValueError
    return text


@dataclass(frozen=True)
class Settings:
    """The settings. Each is set by the variable of its name, after ``MIDDLE_LAYER_``."""

    # Where the page is on the internet, for links that leave it. Empty: what the request says.
    url: str = _setting("", _address, "empty, or begin with https:// or http://")
    # Who may embed the page: the sources of CSP's frame-ancestors. Embedding is the point.
    frame_ancestors: str = _setting(
        "*", _sources, "be sources with spaces between, such as 'self' https://example.org"
    )
    # Other sites whose pages may open a websocket here; the page's own always may.
    origins: tuple[str, ...] = _setting(
        (), _origins, "be origins with spaces between, such as https://example.org, or empty"
    )
    # The bearer token that opens the metrics. Empty: they are closed.
    metrics_token: str = _setting("", str, "be any text")
    # Processes that train, and that the page's own process is not one of.
    workers: int = _setting(
        1, _whole(1, MOST_WORKERS), f"be a whole number from 1 to {MOST_WORKERS}"
    )
    # Readers a process takes at once.
    seats: int = _setting(
        seats_for(MACHINE.memory),
        _whole(1, MOST_SEATS),
        f"be a whole number from 1 to {MOST_SEATS:,}",
    )
    # MiB that everything here may use together.
    memory: int = _setting(
        MACHINE.memory,
        _whole(SMALLEST, MOST_MEMORY),
        f"be a whole number of MiB from {SMALLEST} to {MOST_MEMORY:,}",
    )

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """The settings that an environment names.

        Raises
        ------
        ValueError
            If one cannot be what it should be: which, what came and what is allowed.
        """
        given: dict[str, Any] = {}
        for each in fields(cls):
            name = PREFIX + each.name.upper()
            text = environment.get(name)
            if text is None:
                continue
            try:
                given[each.name] = each.metadata["read"](text.strip())
            except ValueError:
                allowed = each.metadata["allowed"]
                raise ValueError(f"{name} must {allowed}, not {text!r}") from None
        if "memory" in given:
            given.setdefault("seats", seats_for(given["memory"]))
        return cls(**given)


def _read_or_stop() -> Settings:
    try:
        return Settings.read(os.environ)
    except ValueError as error:
        if threading.current_thread() is threading.main_thread():
            raise SystemExit(str(error)) from None
        # The script of the first reader, where the page is run without server.py: the server
        # around it would go on and show everybody an error.
        print(error, file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        raise


SETTINGS = _read_or_stop()
