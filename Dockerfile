# One image per service: docker build --build-arg SERVICE=orientation -t larrey-orientation .
# Without a daemon `make image-steps SERVICE=orientation` runs the same lines.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG SERVICE
WORKDIR /src
COPY requirements-tools.lock ./
RUN python -m venv /tools \
 && /tools/bin/pip install --quiet --require-hashes -r requirements-tools.lock
COPY . .
# The generator needs the development set; the image gets what its service runs with, by hash.
RUN python -m venv /build \
 && /tools/bin/uv pip sync --quiet --python /build/bin/python --require-hashes requirements.lock \
 && /build/bin/python proto/generate.py \
 && /build/bin/python -m hatchling build -t wheel -d /dist \
 && /build/bin/python -m k8s.image.closure ${SERVICE} > /dist/requirements.txt \
 && /build/bin/python -m k8s.image.sbom ${SERVICE} > /dist/sbom.json
RUN python -m venv --without-pip /opt/larrey \
 && /tools/bin/uv pip sync --quiet --compile-bytecode --python /opt/larrey/bin/python --require-hashes /dist/requirements.txt \
 && /tools/bin/uv pip install --quiet --no-deps --compile-bytecode --python /opt/larrey/bin/python /dist/larrey-*.whl

FROM python:${PYTHON}
COPY --from=build /opt/larrey /opt/larrey
COPY --from=build /dist/sbom.json /opt/larrey/sbom.json
RUN useradd --uid 10001 --no-create-home larrey && mkdir -p /var/lib/larrey && chown larrey /var/lib/larrey
USER 10001:10001
# Threads of the linear algebra cost more than they save on small matrices; memory that many threads
# free in arenas of their own is not given back.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1 MALLOC_ARENA_MAX=2 \
    PATH=/opt/larrey/bin:$PATH
EXPOSE 50051 50052 9100
ENTRYPOINT ["/opt/larrey/bin/larrey"]
