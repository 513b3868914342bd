# Two images: `interlock` (the last stage, so the default) serves in production; `emulators` is the same with
# what stands in for AWS on top. Everything that is installed is locked with its hash.

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY requirements.txt requirements-dev.txt ./
# The version of uv, and of what builds our own wheel, are the development lock's.
RUN sed -n '/^uv==/,/[^\\]$/p' requirements-dev.txt > uv.txt \
 && pip install --no-cache-dir --require-hashes -r uv.txt \
 && python -m venv --without-pip /opt/interlock \
 && uv pip sync --no-cache --python /opt/interlock/bin/python --require-hashes --compile-bytecode requirements.txt
COPY . .
RUN uv build --no-cache --wheel --require-hashes --build-constraints requirements-dev.txt --out-dir /wheel . \
 && uv pip install --no-cache --python /opt/interlock/bin/python --no-deps --compile-bytecode /wheel/*.whl

FROM build AS build-emulators
RUN sed -n '/^ministack==/,/[^\\]$/p' requirements-dev.txt > ministack.txt \
 && uv pip install --no-cache --python /opt/interlock/bin/python --require-hashes --compile-bytecode \
      -r ministack.txt -c requirements-dev.txt

FROM python:3.11.14-slim-bookworm AS base
# A named volume takes owner and mode of the directory that it is mounted on when it is first used.
RUN groupadd --gid 10001 interlock \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin interlock \
 && for name in gateway agent broker tools break-glass migrate operator store-db temporal-db slack helpdesk; do \
      install -d -o interlock -g interlock -m 0700 "/volumes/$name"; \
    done \
 && chmod 0755 /volumes/store-db /volumes/temporal-db \
 && install -d -o interlock -g interlock -m 0700 /run/interlock /var/lib/interlock
ENV PATH=/opt/interlock/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY policies/shipped /etc/interlock/policies
COPY tools/helpdesk.yaml /etc/interlock/tools.yaml
WORKDIR /var/empty
USER 10001:10001
CMD ["interlock", "--help"]

FROM base AS emulators
COPY --from=build-emulators /opt/interlock /opt/interlock

FROM base AS interlock
COPY --from=build /opt/interlock /opt/interlock
