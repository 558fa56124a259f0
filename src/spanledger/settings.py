"""Every setting of Spanledger, read once at the start and passed on by name.

Order of precedence: command-line option, `SPANLEDGER_<NAME>` variable, `spanledger.yaml`, default.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self, cast

from spanledger.errors import SettingsError

__all__ = ["CONFIG_FILE", "KEYS_FILE", "Settings", "child_environment", "otel_variable"]

CONFIG_FILE = Path("spanledger.yaml")
"""Read from the working directory if it is there."""

KEYS_FILE = "keys.json"
"""Name of the key file in the data directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that can be set; the docstring of each field is its documentation."""

    data_dir: Path = Path("spanledger-data")
    """Where the embedded store and the keys are kept."""
    host: str = "127.0.0.1"
    """Address to listen on. Beyond loopback the server refuses to start without keys."""
    port: int = 8400
    """Port of the cost API and the dashboard."""
    otlp_http_port: int = 4318
    """Port of the OTLP/HTTP receiver."""
    admin_key: str = ""
    """The first admin key. Empty: `spanledger up` makes one and shows it once."""
    body_bytes_max: int = 20 * 1024 * 1024
    """Largest OTLP request body, before and after decompression, in bytes."""

    @classmethod
    def load(
        cls, environ: Mapping[str, str] | None = None, config: Path = CONFIG_FILE, **options: object
    ) -> Self:
        """Read the settings; `options` are command-line values, where `None` means not given.

        Raises:
            SettingsError: a value has the wrong type, or the file names an unknown setting.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, object] = dict(_read_file(config)) if config.exists() else {}
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            msg = f"{config} names unknown settings: {', '.join(unknown)}"
            raise SettingsError(msg)
        values |= {
            name: text for name in known if (text := environ.get(f"SPANLEDGER_{name.upper()}"))
        }
        values |= {name: value for name, value in options.items() if value is not None}
        defaults = cls()
        return replace(
            defaults,
            **{name: _cast(name, value, getattr(defaults, name)) for name, value in values.items()},
        )


def child_environment(**variables: str) -> dict[str, str]:
    """The environment for a process that we start: this one's, with `variables` set in it."""
    return {**os.environ, **variables}


def otel_variable(name: str) -> str:
    """A standard OpenTelemetry variable that only the SDK's own launcher reads; '' if unset."""
    return os.environ.get(name, "").strip()


def _read_file(config: Path) -> Mapping[str, object]:
    import yaml  # noqa: PLC0415 - part of the server extra; an app never reads the file

    try:
        content = cast("object", yaml.safe_load(config.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        msg = f"cannot read {config}: {error}"
        raise SettingsError(msg) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        msg = f"{config} must be a mapping of settings to values"
        raise SettingsError(msg)
    return cast("Mapping[str, object]", content)


def _cast(name: str, value: object, default: object) -> Any:  # noqa: ANN401 - the type of `default`
    """`value` in the type of the setting's default."""
    try:
        return type(default)(value)  # pyright: ignore[reportCallIssue] - the few types take one value
    except (TypeError, ValueError) as error:
        msg = f"setting {name} is {value!r}, which is not a valid {type(default).__name__}"
        raise SettingsError(msg) from error
