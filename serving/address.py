"""Addresses that leave the page: its own, and that of a link."""

from __future__ import annotations

from starlette.requests import Request

from live.settings import SETTINGS
from model.link import Link, write


def base_of(request: Request) -> str:
    """The page's own address, without a slash at the end."""
    return SETTINGS.url or str(request.base_url).rstrip("/")


def address_of(base: str, link: Link, path: str = "") -> str:
    """The address of ``link`` below ``base``."""
    query = write(link)
    return f"{base}/{path}?{query}" if query else f"{base}/{path}"
