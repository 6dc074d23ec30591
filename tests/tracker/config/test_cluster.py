"""[cluster]: what is missing or unsafe is refused, and the URL is never shown."""

from pathlib import Path

import pytest

from tracker.config import read_config
from tracker.config.errors import ConfigError
from tracker.config.show import show_config
from tracker.core.redaction import MASK, Mask
from tracker.core.settings import Config

TABLE = '[cluster]\nvantage = "eu-1"\n'
HERE = "postgresql://tracker:s3cret-99@127.0.0.1:5432/status"


def read(folder: Path, text: str, **environ: str) -> Config:
    file = folder / "tracker.toml"
    file.write_text(f"[tracker]\ndiscover = false\n{text}")
    return read_config(file, environ, dotenv=None)


def problems(folder: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as wrong:
        read(folder, text, **environ)
    return str(wrong.value)


def test_without_the_table_a_tracker_is_alone(tmp_path: Path) -> None:
    config = read(tmp_path, "", PROVIDER_STATUS_POSTGRES=HERE)
    assert config.cluster is None
    assert "cluster" not in show_config(config)


def test_the_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    cluster = read(tmp_path, TABLE, PROVIDER_STATUS_POSTGRES=HERE).cluster
    assert cluster is not None
    assert (cluster.vantage, cluster.lease_seconds, cluster.beat_seconds) == ("eu-1", 10.0, 2.0)
    assert (cluster.retention_days, cluster.down_from) == (7, None)


def test_the_url_and_its_password_are_shown_nowhere(tmp_path: Path) -> None:
    url = HERE.replace("s3cret-99", "s3cret%2F99")
    config = read(tmp_path, TABLE, PROVIDER_STATUS_POSTGRES=url)
    assert "s3cret" not in repr(config) + str(show_config(config))
    masked = Mask(config.secrets())(f"cannot reach {url}; password s3cret/99 and s3cret%2F99")
    assert "s3cret" not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://t:s3cret@db.example.org/status",
        "postgresql://t:s3cret@db.example.org/status?sslmode=require",
        "postgresql://t:s3cret@127.0.0.1,db.example.org/status",
        "postgresql://t:s3cret@/status?host=db.example.org",
        "postgresql://t:s3cret@127.0.0.1/status?hostaddr=10.0.0.1",
    ],
)
def test_a_hub_elsewhere_must_be_verified(tmp_path: Path, url: str) -> None:
    told = problems(tmp_path, TABLE, PROVIDER_STATUS_POSTGRES=url)
    assert "sslmode=verify-full" in told
    assert "s3cret" not in told
    read(tmp_path, TABLE, PROVIDER_STATUS_POSTGRES=_verified(url))


def _verified(url: str) -> str:
    plain = url.replace("sslmode=require", "")
    return f"{plain}{'&' if '?' in plain else '?'}sslmode=verify-full"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://t:s3cret@127.0.0.1/status", "not a PostgreSQL URL"),
        ("postgresql://t:s3cret@127.0.0.1", "does not name a database"),
        ("host=127.0.0.1 password=s3cret", "not a PostgreSQL URL"),
        ("postgresql://t:s3cret@[::1/status", "it is not a URL"),
    ],
)
def test_an_invalid_url_is_reported_but_not_shown(tmp_path: Path, url: str, problem: str) -> None:
    told = problems(tmp_path, TABLE, PROVIDER_STATUS_POSTGRES=url)
    assert problem in told
    assert "s3cret" not in told


@pytest.mark.parametrize("vantage", ["x" * 300, "", "eu 1", "../eu", "eu\n1"])
def test_a_vantage_is_a_short_name(tmp_path: Path, vantage: str) -> None:
    text = f"[cluster]\nvantage = {vantage!a}\n".replace("'", '"')
    assert "cluster.vantage" in problems(tmp_path, text, PROVIDER_STATUS_POSTGRES=HERE)


def test_a_missing_url_and_vantage_are_reported_together(tmp_path: Path) -> None:
    told = problems(tmp_path, "[cluster]\n")
    assert "PROVIDER_STATUS_POSTGRES is not set" in told
    assert "cluster.vantage" in told


def test_a_socket_needs_no_certificate(tmp_path: Path) -> None:
    url = "postgresql://tracker@/status?host=/run/postgresql"
    assert read(tmp_path, TABLE, PROVIDER_STATUS_POSTGRES=url).cluster is not None
