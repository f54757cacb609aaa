# One image for every process of Homeward; the command says which.
FROM python:3.13-slim

RUN groupadd --gid 10001 homeward && useradd --uid 10001 --gid homeward --no-create-home homeward
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements.lock
COPY services services
COPY shared shared
COPY migrations migrations

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOMEWARD_HOST=0.0.0.0
USER homeward
CMD ["python", "-m", "services.events"]
