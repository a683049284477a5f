# Another base (a mirror, a digest, another Python) is a build argument; it must be Debian-like.
ARG BASE=python:3.13-slim-bookworm
FROM ${BASE}

# git tries patches; bubblewrap is the strongest sandbox, where the container host allows it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap git \
    && rm -rf /var/lib/apt/lists/*

COPY . /opt/perfbot/source
RUN python3 -m venv /opt/perfbot/venv \
    && /opt/perfbot/venv/bin/pip install --no-cache-dir /opt/perfbot/source \
    && rm -rf /opt/perfbot/source \
    && ln -s /opt/perfbot/venv/bin/perfbot /usr/local/bin/perfbot \
    && useradd --create-home --uid 10001 perfbot

# Never import from the current folder, which belongs to the repository under judgement.
ENV PYTHONSAFEPATH=1
USER perfbot
WORKDIR /work
ENTRYPOINT ["perfbot"]
