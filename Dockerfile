# syntax=docker/dockerfile:1
# carecoord, served by a user without rights. Nothing secret is in the image: secrets come as files (compose.yaml).

FROM python:3.13-slim AS build
WORKDIR /source
COPY deploy/requirements.txt ./
RUN python -m venv /opt/carecoord \
 && /opt/carecoord/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY auth ./auth
COPY fhir_adapters ./fhir_adapters
COPY fixtures ./fixtures
COPY carecoord ./carecoord
RUN /opt/carecoord/bin/pip wheel --no-cache-dir --no-deps --wheel-dir wheels . \
 && /opt/carecoord/bin/pip install --no-cache-dir --no-deps wheels/carecoord-*.whl

FROM python:3.13-slim
# Pango draws letters as PDF. Debian keeps no older version of a package, so that none can be pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
 && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 carecoord \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/carecoord --shell /usr/sbin/nologin carecoord \
 && install -d -m 0700 -o 10001 -g 10001 /var/lib/carecoord
COPY --from=build /opt/carecoord /opt/carecoord
# 0.0.0.0: of the container, which publishes no port by itself. The folder is chosen here, so no carecoord.toml is read.
ENV PATH=/opt/carecoord/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    CARECOORD_VAR=/var/lib/carecoord \
    CARECOORD_CONFIG=none \
    CARECOORD_HOST=0.0.0.0
WORKDIR /var/lib/carecoord
VOLUME /var/lib/carecoord
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["carecoord"]
CMD ["serve"]
