# perfbot in one image: its command line, the webhook server and the worker.
# Another base (a mirror, another Python) is a build argument; it must be Debian-like and have python3
# with venv. A digest pins it: --build-arg BASE=python:3.13-slim-bookworm@sha256:...
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS built
# What is installed beside the core: "server,models" serves, works and asks model endpoints.
ARG EXTRAS=server,models
COPY . /source
RUN python3 -m venv /opt/perfbot \
    && /opt/perfbot/bin/pip install --no-cache-dir --disable-pip-version-check "/source[${EXTRAS}]" \
    && /opt/perfbot/bin/pip uninstall --yes --quiet pip \
    && install -m 755 /source/docker/healthy.py /opt/perfbot/bin/healthy

FROM ${BASE}
LABEL org.opencontainers.image.title="perfbot" \
      org.opencontainers.image.description="Finds slow Python functions, makes them faster, and proves it" \
      org.opencontainers.image.licenses="Apache-2.0"

# git fetches and tries patches; bubblewrap is the strongest sandbox, where the container host allows it.
# More for the repositories that are worked on: --build-arg PACKAGES="gcc libc6-dev valgrind"
ARG PACKAGES=""
# What perfbot keeps (/var/lib) and can make again (/var/cache) belongs to its user, all else to root.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap git ${PACKAGES} \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent perfbot \
    && install -d -o perfbot -g perfbot -m 700 /var/lib/perfbot /var/cache/perfbot \
    && install -d /etc/perfbot /work
COPY --from=built /opt/perfbot /opt/perfbot

# PYTHONSAFEPATH: never import from the current folder, which belongs to the repository under judgement.
# The XDG folders: state in /var/lib/perfbot, cache in /var/cache/perfbot, models.yml in /etc/perfbot.
ENV PATH=/opt/perfbot/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_STATE_HOME=/var/lib \
    XDG_CACHE_HOME=/var/cache \
    XDG_CONFIG_HOME=/etc
USER 10001:10001
WORKDIR /work
VOLUME ["/var/lib/perfbot", "/var/cache/perfbot"]
EXPOSE 8080
# Of `perfbot serve`; a worker is asked at the address of its --metrics (see compose.yaml).
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["healthy", "8080"]
# perfbot is the process that gets the signals: SIGTERM ends it as Ctrl-C does.
STOPSIGNAL SIGTERM
ENTRYPOINT ["perfbot"]
CMD ["--help"]
