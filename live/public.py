"""What only a public server has: ``server.py`` says so, ``app.py`` alone does not have it."""

from __future__ import annotations

# Whether files have addresses of their own, below ``download/``.
downloads = False
