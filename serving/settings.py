"""What whoever hosts the page may set, by environment variable; docs/hosting.md explains each."""

from __future__ import annotations

import os
from dataclasses import dataclass

from starlette.requests import Request


@dataclass(frozen=True)
class Settings:
    """The settings, read once at the start."""

    # Where the page is on the internet, for links that leave it: https://example.org
    # Empty: what the request says.
    url: str = ""
    # Who may embed the page: the sources of CSP's frame-ancestors. Embedding is the point.
    frame_ancestors: str = "*"
    # The bearer token that opens the metrics. Empty: they are closed.
    metrics_token: str = ""

    def base(self, request: Request) -> str:
        """The page's own address, without a slash at the end."""
        return self.url or str(request.base_url).rstrip("/")


def from_environment() -> Settings:
    """Read the settings.

    Raises
    ------
    ValueError
        If one of them cannot be what it should be; the message names it.
    """
    url = os.environ.get("MIDDLE_LAYER_URL", "").rstrip("/")
    if url and not url.startswith(("http://", "https://")):
        raise ValueError(f"MIDDLE_LAYER_URL must begin with https:// or http://, not {url!r}")
    ancestors = os.environ.get("MIDDLE_LAYER_FRAME_ANCESTORS", "*").strip()
    # It becomes part of a header in which these two begin something else.
    if not ancestors or set(ancestors) & set(";,\r\n"):
        raise ValueError(
            "MIDDLE_LAYER_FRAME_ANCESTORS must be sources with spaces between, such as "
            f"'self' https://example.org, not {ancestors!r}"
        )
    return Settings(url, ancestors, os.environ.get("MIDDLE_LAYER_METRICS_TOKEN", ""))
