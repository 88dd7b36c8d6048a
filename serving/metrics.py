"""The meters in Prometheus' format, for those who have the token; Streamlit's own likewise."""

from __future__ import annotations

import hmac

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from live.metrics import REGISTRY

# How a server without Streamlit's metrics would answer.
_CLOSED = PlainTextResponse("Not Found", status_code=404)

_GUARDED = ("/metrics", "/_stcore/metrics")


def metrics(_: Request) -> Response:
    """Our figures."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


class MetricsGuard:
    """Lets nobody see metrics without the token; with no token set, nobody at all."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}" if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless it is for metrics and without the token."""
        guarded = scope["type"] == "http" and scope["path"].rstrip("/") in _GUARDED
        if guarded and not self._allows(HTTPConnection(scope)):
            await _CLOSED(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _allows(self, request: HTTPConnection) -> bool:
        given = request.headers.get("authorization", "")
        return self._expected is not None and hmac.compare_digest(
            given.encode(), self._expected.encode()
        )
