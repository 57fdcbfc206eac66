# One image per service: docker build --build-arg SERVICE=orientation -t larrey-orientation .
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG SERVICE
WORKDIR /src
COPY requirements-tools.lock requirements.lock pyproject.toml README.md ./
RUN python -m venv /tools \
 && /tools/bin/pip install --require-hashes -r requirements-tools.lock
COPY . .
# The generator needs the development set; the image gets the service's own extra only.
RUN python -m venv /build \
 && /tools/bin/uv pip sync --python /build/bin/python --require-hashes requirements.lock \
 && /build/bin/python proto/generate.py \
 && /build/bin/python -m hatchling build -t wheel -d /dist
RUN python -m venv /opt/larrey \
 && /tools/bin/uv pip install --python /opt/larrey/bin/python \
      --constraints requirements.lock "$(ls /dist/larrey-*.whl)[${SERVICE}]"

FROM python:${PYTHON}
COPY --from=build /opt/larrey /opt/larrey
RUN useradd --uid 10001 --no-create-home larrey && mkdir -p /var/lib/larrey && chown larrey /var/lib/larrey
USER 10001:10001
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/larrey/bin:$PATH
EXPOSE 50051 9100
ENTRYPOINT ["/opt/larrey/bin/larrey"]
