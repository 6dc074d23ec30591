"""Reads tracker.toml, the environment and .env into the settings a tracker runs with."""

from tracker.config.load import DOTENV, read_config

__all__ = ["DOTENV", "read_config"]
