"""Every setting of Spanledger, read once at the start and passed on by name.

Order of precedence: command-line option, `SPANLEDGER_<NAME>` variable, `spanledger.yaml`, default.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Self, cast

from opentelemetry.util.re import parse_env_headers

from spanledger.errors import SettingsError

__all__ = [
    "CONFIG_FILE",
    "KEYS_FILE",
    "SECRETS",
    "OtlpTarget",
    "Settings",
    "child_environment",
    "otel_variable",
    "otlp_origins",
    "otlp_target",
    "setting_origins",
    "state_directory",
    "unknown_variables",
]

CONFIG_FILE = Path("spanledger.yaml")
"""Read from the working directory if it is there."""

OTLP_TIMEOUT_S: Final = 10.0
"""The default of the OpenTelemetry specification."""

SECRETS: Final = frozenset({"admin_key", "clickhouse_url"})
"""Settings whose values are shown to nobody."""

_PREFIX: Final = "SPANLEDGER_"

KEYS_FILE = "keys.json"
"""Name of the key file in the data directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that can be set; the docstring of each field is its documentation."""

    data_dir: Path = Path("spanledger-data")
    """Where the embedded store and the keys are kept."""
    clickhouse_url: str = ""
    """Keep calls on a ClickHouse server instead: `clickhouse://user:password@host:8123/database`,
    with `clickhouses` for TLS, and `?cluster=NAME` at the end for a cluster (see
    [scale.md](scale.md)). Keys and the price list stay in `data_dir`. Empty: the embedded store."""
    host: str = "127.0.0.1"
    """Address to listen on. Beyond loopback the server refuses to start without keys."""
    port: int = 8400
    """Port of the cost API and the dashboard."""
    otlp_http_port: int = 4318
    """Port of the OTLP/HTTP receiver."""
    otlp_grpc_port: int = 4317
    """Port of the OTLP/gRPC receiver."""
    admin_key: str = ""
    """The first admin key. Empty: `spanledger up` makes one and shows it once."""
    prices_file: Path = Path("prices.yaml")
    """Prices of your own, on top of the list: an overlay, read again whenever it changes. It need
    not exist."""
    body_bytes_max: int = 20 * 1024 * 1024
    """Largest OTLP request body, before and after decompression, in bytes."""
    collector_spool_dir: str = ""
    """Where deliveries lie from their acknowledgement until the store has them (see
    [reliability.md](reliability.md)). Empty: `spool` in the data directory."""
    collector_spool_bytes_max: int = 4 * 1024 * 1024 * 1024
    """How much may lie there, in bytes. Beyond it they are refused with 503, never dropped."""
    collector_disk_free_min: int = 512 * 1024 * 1024
    """How many bytes of that disk are left free; with less, deliveries are refused with 503."""
    exchange_rates_file: str = ""
    """YAML file of exchange rates, for amounts in other currencies than US dollars (see
    [currencies.md](currencies.md)). Empty: everything stays in US dollars."""
    endpoints: Mapping[str, str] = field(default_factory=dict[str, str])
    """In the app: hosts of yours and whose models they serve, as `host=provider` separated by
    commas, for instance `llm.corp.example=openai,10.0.0.7:8000=vllm`."""
    http_spans: bool = False
    """In the app: add the HTTP span of opentelemetry-instrumentation-httpx below model calls, for
    exporters that the app has itself: our own sender delivers model calls alone."""
    capture_content: bool = False
    """In the app: put prompts and answers on the span. They are left out unless this is set."""
    estimate_usage: bool = True
    """In the app: where a provider states no usage, count tokens in the background and mark the
    call as estimated. It takes memory for a vocabulary, and time when that is first needed."""
    ask_for_usage: bool = False
    """In the app: have OpenAI's chat and completion streams state their usage, which they do only
    if asked. What the answer has more for it is taken out again before the app sees it. A host that
    does not know `stream_options` may refuse the request."""
    baggage: bool = False
    """In the app: hand the attribution on to called services, and take it from callers, as
    OpenTelemetry baggage."""
    spool_dir: str = ""
    """In the app: where spans wait for the collector. Empty: the user's state directory."""
    spool_bytes_max: int = 64 * 1024 * 1024
    """In the app: how much may wait there. Beyond it the newest spans are dropped and counted."""

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str] | None = None,
        config: Path | None = CONFIG_FILE,
        **options: object,
    ) -> Self:
        """Read the settings; `options` are command-line values, where `None` means not given.

        An application that records passes no `config`: it reads the variables only.

        Raises:
            SettingsError: a value has the wrong type, or the file names an unknown setting.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, object] = dict(_read_file(config)) if config and config.exists() else {}
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            msg = f"{config} names unknown settings: {', '.join(unknown)}"
            raise SettingsError(msg)
        values |= {name: text for name in known if (text := environ.get(_variable(name)))}
        values |= {name: value for name, value in options.items() if value is not None}
        defaults = cls()
        return replace(
            defaults,
            **{name: _cast(name, value, getattr(defaults, name)) for name, value in values.items()},
        )


def setting_origins(
    environ: Mapping[str, str] | None = None, config: Path | None = CONFIG_FILE
) -> dict[str, str]:
    """Where each setting that is not at its default comes from: a variable, or the file.

    Raises:
        SettingsError: the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    names = [field.name for field in fields(Settings)]
    in_file = set(_read_file(config)) if config and config.exists() else set[str]()
    origins = {name: str(config) for name in names if name in in_file}
    return origins | {name: _variable(name) for name in names if environ.get(_variable(name))}


def unknown_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """Variables that look like settings of ours and are none, by a slip of the pen perhaps."""
    environ = os.environ if environ is None else environ
    known = {_variable(field.name) for field in fields(Settings)}
    return sorted(name for name in environ if name.startswith(_PREFIX) and name not in known)


def _variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"


def child_environment(**variables: str) -> dict[str, str]:
    """The environment for a process that we start: this one's, with `variables` set in it."""
    return {**os.environ, **variables}


def otel_variable(name: str) -> str:
    """A standard OpenTelemetry variable that only the SDK's own launcher reads; '' if unset."""
    return os.environ.get(name, "").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpTarget:
    """Where spans are delivered, as the standard OpenTelemetry variables say."""

    url: str
    """Of the traces; a base address has got its `/v1/traces`."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout_s: float = OTLP_TIMEOUT_S
    """For one request."""
    certificate: str = ""
    """File of the authorities to trust; empty: the usual ones."""
    client_certificate: str = ""
    client_key: str = ""


_OTLP: Final = "OTEL_EXPORTER_OTLP_"


def otlp_target(environ: Mapping[str, str] | None = None) -> OtlpTarget:
    """Read `OTEL_EXPORTER_OTLP_*`; the variables that name the traces win over the general ones."""
    environ = os.environ if environ is None else environ

    def variable(name: str) -> str:
        return (
            environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}", "").strip()
            or environ.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip()
        )

    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip() or "http://localhost:4318"
    return OtlpTarget(
        url=environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
        or f"{base.removesuffix('/')}/v1/traces",
        headers=parse_env_headers(variable("HEADERS"), liberal=True),
        timeout_s=_seconds(variable("TIMEOUT")) or OTLP_TIMEOUT_S,
        certificate=variable("CERTIFICATE"),
        client_certificate=variable("CLIENT_CERTIFICATE"),
        client_key=variable("CLIENT_KEY"),
    )


def otlp_origins(environ: Mapping[str, str] | None = None) -> list[str]:
    """The names of the variables that say where spans are delivered; empty where none does."""
    environ = os.environ if environ is None else environ
    return sorted(
        name for name, value in environ.items() if name.startswith(_OTLP) and value.strip()
    )


def state_directory(environ: Mapping[str, str] | None = None) -> Path | None:
    """Where the user's programs keep their state; `None` where there is no home."""
    environ = os.environ if environ is None else environ
    given = Path(environ.get("XDG_STATE_HOME", ""))
    if given.is_absolute():
        return given / "spanledger"
    try:
        return Path.home() / ".local" / "state" / "spanledger"
    except RuntimeError:
        return None


def _seconds(text: str) -> float:
    """A positive number of seconds; 0 for anything else."""
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if 0 < seconds < threading.TIMEOUT_MAX else 0.0


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
    if isinstance(default, Mapping):
        return _pairs(name, value)
    if isinstance(default, bool):
        return _flag(name, value)
    try:
        return type(default)(value)  # pyright: ignore[reportCallIssue] - the few types take one value
    except (TypeError, ValueError) as error:
        msg = f"setting {name} is {value!r}, which is not a valid {type(default).__name__}"
        raise SettingsError(msg) from error


def _flag(name: str, value: object) -> bool:
    """Variables hold words; anything but a known one is refused, never taken for yes."""
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    word = str(value).strip().lower()
    if word not in known:
        msg = f"setting {name} is {value!r}: use true or false"
        raise SettingsError(msg)
    return known[word]


def _pairs(name: str, value: object) -> Mapping[str, str]:
    """A mapping of the file, or `key=value,key=value` of a variable."""
    if isinstance(value, Mapping):
        return {str(key): str(item) for key, item in cast("Mapping[object, object]", value).items()}
    entries = [entry.strip() for entry in str(value).split(",") if entry.strip()]
    pairs = [entry.partition("=") for entry in entries]
    if not all(key and item for key, _, item in pairs):
        msg = f"setting {name} is {value!r}: write it as host=provider,host=provider"
        raise SettingsError(msg)
    return {key.strip(): item.strip() for key, _, item in pairs}
