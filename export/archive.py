"""A zip whose bytes are a function of what is in it: it does not say when it was made."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable


def archive(files: Iterable[tuple[str, str | bytes]]) -> bytes:
    """The zip of ``files``, each a name and what it holds."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, body in files:
            # Without a date of its own, a member gets the first that a zip knows.
            opened.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
