# A build that has to be the same next year names the digest: docs/hosting.md says how to find it.
ARG PYTHON=python:3.11-slim
FROM ${PYTHON}

# The root file system may be read-only and the user may be any: the only place to write is /tmp.
# GLIBC_TUNABLES, PYTHONMALLOC: what a crowd took is given back (docs/hosting.md).
ENV GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1 \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONMALLOC=malloc \
    PYTHONUNBUFFERED=1 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_PORT=8501

WORKDIR /app

# Before the code, which changes more often.
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
    --require-hashes -r requirements.txt

# Compiled here because nothing can be later; unchecked, so that no copy's timestamps matter.
COPY . .
# What browsers load is compressed here, once.
RUN python -m compileall -q --invalidation-mode unchecked-hash . \
    && python -m serving.packing

USER 10001:10001

EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['STREAMLIT_SERVER_PORT']}/_stcore/health\", timeout=2)"]

CMD ["python", "-m", "streamlit", "run", "server.py"]
