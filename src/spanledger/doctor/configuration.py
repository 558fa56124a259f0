"""Which settings are in force, and where each came from. Secrets are never shown."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, cast

from opentelemetry.environment_variables import OTEL_TRACES_EXPORTER
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED

from spanledger.doctor.finding import Finding, attention, fine, note
from spanledger.errors import SettingsError
from spanledger.instrumentation.http_spans import is_installed
from spanledger.settings import (
    CONFIG_FILE,
    SECRETS,
    Settings,
    otel_variable,
    setting_origins,
    unknown_variables,
)

__all__ = ["check_otel_variables", "check_settings", "read_settings"]

_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def read_settings(data_dir: Path | None) -> tuple[Settings, Settings, Finding | None]:
    """(an application's settings, the server's, what is wrong with them).

    An application reads variables only. Where one cannot be read, all are at their defaults, as
    they are for it. `data_dir` is an option of the command line.
    """
    wrong: Finding | None = None
    app = server = Settings()
    meanwhile = "an application has all settings at their defaults"
    try:
        app = server = Settings.load(config=None)
        meanwhile = "an application does not read it"
        server = replace(app, data_dir=data_dir) if data_dir else app
        server = Settings.load(data_dir=data_dir)
    except SettingsError as error:
        wrong = attention(
            "settings.invalid",
            f"{str(error)[:1].upper()}{str(error)[1:]}.",
            f"Mend it: the server does not start, and {meanwhile}.",
        )
    except ImportError:
        wrong = note(
            "settings.file",
            f"{CONFIG_FILE} cannot be read without PyYAML.",
            "It is for the server, which needs 'spanledger[embedded]'; an application reads"
            " variables only.",
        )
    return app, server, wrong


def check_settings(server: Settings) -> Iterator[Finding]:
    """Each setting that is not at its default."""
    try:
        origins = setting_origins()
    except (SettingsError, ImportError):
        # That it cannot be read is said already.
        origins = setting_origins(config=None)
    for name, origin in origins.items():
        value = "(not shown)" if name in SECRETS else _shown(getattr(server, name))
        yield fine(
            f"settings.{name}", f"{name} is {value}, by {origin}.", value=value, origin=origin
        )
    if rest := len(fields(Settings)) - len(origins):
        words = (
            "All settings are at their defaults."
            if not origins
            else "Others are at their defaults."
        )
        yield fine("settings.defaults", words, count=rest)
    if unknown := unknown_variables():
        yield attention(
            "settings.unknown",
            f"{', '.join(unknown)}: no setting has this name.",
            "Compare the names with docs/configuration.md; such a variable has no effect.",
            names=unknown,
        )
    if server.http_spans and not is_installed():
        yield attention(
            "settings.http_spans_package",
            "http_spans is on, and opentelemetry-instrumentation-httpx is not installed.",
            "Install it: pip install 'spanledger[http]'.",
        )


def check_otel_variables() -> Iterator[Finding]:
    """Standard variables that switch the recording off, and the way to start it without code."""
    if otel_variable(OTEL_SDK_DISABLED).lower() == "true":
        yield attention(
            "otel.disabled",
            f"{OTEL_SDK_DISABLED} is true: nothing is recorded.",
            "Unset it, if calls are to be recorded.",
        )
    if otel_variable(OTEL_TRACES_EXPORTER).lower() == "none":
        yield attention(
            "otel.exporter",
            f"{OTEL_TRACES_EXPORTER} is none: our sender is off.",
            "Unset it, if calls are to reach a collector without an exporter of the application's.",
        )
    left_out = otel_variable(_DISABLED).split(",")
    if {"spanledger", "*"} & {name.strip() for name in left_out}:
        yield attention(
            "otel.left_out",
            f"{_DISABLED} leaves us out: 'opentelemetry-instrument' does not start the recording.",
            "Take spanledger out of it, or 'import spanledger.auto' in the application.",
        )
    found = entry_points(group="opentelemetry_instrumentor", name="spanledger")
    if found:
        yield fine("otel.entry_point", "'opentelemetry-instrument' finds us.")
    else:
        yield attention(
            "otel.entry_point",
            "'opentelemetry-instrument' does not find us: our entry point is not installed.",
            "Install the package itself: pip install spanledger.",
        )


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, str]", value).items()
        return ",".join(f"{key}={item}" for key, item in pairs) or "empty"
    return str(value).lower() if isinstance(value, bool) else str(value) or "empty"
