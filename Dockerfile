# syntax=docker/dockerfile:1
# The image of every Airflow component: Airflow, the runbooks and Terraform, run by a user without rights.
# `make up` builds it. A new version of the runbooks is a new image (docs/adr/0021): code must not change below a run.

# the digest is that of the tag's list of platforms
FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS python

FROM python AS packages
COPY requirements-uv.txt requirements.txt /build/
RUN python -m venv --without-pip /opt/venv \
    && python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /build/requirements-uv.txt \
    && uv pip sync --no-cache --no-build --compile-bytecode --require-hashes --python /opt/venv/bin/python /build/requirements.txt

FROM packages AS sandbox-packages
COPY requirements-dev.txt /build/
RUN uv pip sync --no-cache --no-build --compile-bytecode --require-hashes --python /opt/venv/bin/python /build/requirements-dev.txt

FROM python AS terraform
ARG TERRAFORM_VERSION=1.11.4
# BuildKit gives it, but not where the file has a default
ARG TARGETARCH
# as published by HashiCorp in terraform_1.11.4_SHA256SUMS
ARG TERRAFORM_SHA256_AMD64=1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc
ARG TERRAFORM_SHA256_ARM64=a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633
COPY deployment/fetch_terraform.py /build/
RUN python /build/fetch_terraform.py "${TERRAFORM_VERSION}" "${TARGETARCH}" \
    "amd64=${TERRAFORM_SHA256_AMD64}" "arm64=${TERRAFORM_SHA256_ARM64}" /usr/local/bin/terraform

FROM python AS base
# dumb-init hands signals on and reaps what tasks leave behind; nothing is installed later, so pip goes
RUN apt-get update \
    && apt-get install --yes --no-install-recommends dumb-init \
    && rm -rf /var/lib/apt/lists/* \
    && python -m pip uninstall --yes --root-user-action ignore pip setuptools wheel \
    && useradd --uid 50000 --gid 0 --create-home --home-dir /opt/airflow airflow \
    && mkdir --mode 0775 /opt/airflow/logs \
    && ln --symbolic /opt/runbooks/config /opt/airflow/config \
    && chown --recursive 50000:0 /opt/airflow
ENV AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/runbooks/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/runbooks/plugins \
    PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/runbooks:/opt/runbooks/plugins \
    PYTHONUNBUFFERED=1
WORKDIR /opt/airflow
USER 50000:0
ENTRYPOINT ["dumb-init", "--"]

# what the sandbox profile runs beside Airflow
FROM base AS sandbox
COPY --from=sandbox-packages /opt/venv /opt/venv
COPY config /opt/runbooks/config
COPY include /opt/runbooks/include
COPY sandbox /opt/runbooks/sandbox
COPY terraform /opt/runbooks/terraform

FROM base AS airflow
COPY --from=packages /opt/venv /opt/venv
COPY --from=terraform /usr/local/bin/terraform /usr/local/bin/terraform
COPY config /opt/runbooks/config
COPY include /opt/runbooks/include
COPY plugins /opt/runbooks/plugins
COPY dags /opt/runbooks/dags
COPY deployment /opt/runbooks/deployment
COPY deployment/entrypoint /entrypoint
