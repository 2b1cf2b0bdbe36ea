"""The key that the official Oxen client (wheel `oxenai`, `oxen.auth.config_auth`) keeps for a host after a login."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

logger = logging.getLogger("oxen_integrations")

_warned: set[str] = set()


def login_file() -> Path:
    """Where the official client keeps its keys. Raises: RuntimeError, if there is no home directory."""
    folder = os.environ.get("OXEN_CONFIG_DIR")
    return (Path(folder) if folder else Path.home() / ".config" / "oxen") / "auth_config.toml"


def login_key(base_url: str) -> str | None:
    """The key for the host of a base URL. A file that cannot be read is worth one warning, not an error."""
    try:
        path = str(login_file())
        changed = os.stat(path).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError, RuntimeError):
        return None
    except OSError as error:
        _warn(f"{path} cannot be read ({type(error).__name__})")
        return None
    parts = urlsplit(base_url)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    host = (parts.hostname or "") if parts.port in (None, usual) else f"{parts.hostname}:{parts.port}"
    return _keys(path, changed).get(host.lower())


@lru_cache(maxsize=4)
def _keys(path: str, changed: int) -> dict[str, str]:
    """Host -> key, of the file as it was at this time."""
    import tomllib  # noqa: PLC0415 - only where there is a file

    try:
        rows: Any = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("host_configs", [])
    except OSError as error:
        _warn(f"{path} cannot be read ({type(error).__name__})")
        return {}
    except ValueError:  # not TOML, or not UTF-8; the error's text quotes the file
        _warn(f"{path} is not a valid TOML file")
        return {}
    found = {}
    for row in rows if isinstance(rows, list) else ():
        host, key = (row.get("host"), row.get("auth_token")) if isinstance(row, dict) else (None, None)
        if isinstance(host, str) and isinstance(key, str) and key.strip():
            if all("!" <= char <= "~" for char in key.strip()):
                found[host.lower()] = key.strip()
            else:
                _warn(f"the key for {host[:60]} in {path} has characters that no header can carry")
    return found


def _warn(what: str) -> None:
    if what not in _warned:
        _warned.add(what)
        logger.warning("%s; no key was taken from it. Log in anew, or set OXEN_API_KEY", what)
