# Featmill with PyTorch for CPUs (--target cpu) or with CUDA (--target cuda). docs/install.md has the commands.

FROM python:3.13-slim AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim AS base
# OpenCV links to libGL.so.1 and libgthread-2.0.so.0, which slim images lack
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home featmill && mkdir /data /weights && chown featmill /data && chmod 1777 /weights
COPY --from=wheel /wheels /wheels
ENV FEATMILL_WEIGHTS=/weights
VOLUME /weights
WORKDIR /data
ENTRYPOINT ["featmill"]
CMD ["--help"]

FROM base AS cpu
# uv knows the index of PyTorch's CPU builds by its name
RUN pip install --no-cache-dir "uv>=0.8,<1" \
    && uv pip install --system --no-cache --torch-backend cpu /wheels/*.whl \
    && pip uninstall --yes uv
USER 1000

FROM base AS cuda
RUN pip install --no-cache-dir /wheels/*.whl
USER 1000
