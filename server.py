"""The page as a server for the public: ``streamlit run server.py``.

``app.py`` alone is the same page for hosts that know nothing else. This adds what a public server
needs; docs/hosting.md says how to run it.
"""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from live import guard, public
from live.settings import SETTINGS
from serving import sockets
from serving.assets import Assets, packed_folder
from serving.card import index, oembed, preview
from serving.door import Door
from serving.download import download
from serving.headers import SecurityHeaders
from serving.health import healthz, readyz
from serving.lifespan import lifespan
from serving.log import RequestLog
from serving.metrics import MetricsGuard, metrics
from serving.scripts import script

guard.install()
public.downloads = True
sockets.install()

app = st.App(
    "app.py",
    lifespan=lifespan,
    routes=[
        Route("/", index),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/oembed", oembed),
        Route("/preview.png", preview),
        Route("/download/{file}", download),
        Route("/scripts/{name}", script),
    ],
    middleware=[
        Middleware(RequestLog),
        Middleware(SecurityHeaders, frame_ancestors=SETTINGS.frame_ancestors),
        Middleware(Door, settings=SETTINGS),
        Middleware(MetricsGuard, token=SETTINGS.metrics_token),
        Middleware(Assets, folder=packed_folder()),
    ],
)
