"""Settings come from options, variables, file and defaults, in that order."""

from pathlib import Path

import pytest

from spanledger.errors import SettingsError
from spanledger.settings import (
    Settings,
    child_environment,
    otlp_origins,
    otlp_target,
    setting_origins,
    state_directory,
    unknown_variables,
)


def load(tmp_path: Path, text: str = "", **environ: str) -> Settings:
    """Settings from a file with `text` and the variables given."""
    config = tmp_path / "spanledger.yaml"
    config.write_text(text)
    return Settings.load(environ, config)


def test_defaults_hold_without_anything(tmp_path: Path) -> None:
    """The ports of the contract, on loopback."""
    settings = Settings.load({}, tmp_path / "absent.yaml")

    assert (settings.host, settings.port, settings.otlp_http_port) == ("127.0.0.1", 8400, 4318)


def test_each_source_beats_the_one_below(tmp_path: Path) -> None:
    """Option over variable over file over default."""
    config = tmp_path / "spanledger.yaml"
    config.write_text("port: 1\nhost: '::1'\ndata_dir: from-file\n")

    settings = Settings.load({"SPANLEDGER_PORT": "2", "SPANLEDGER_HOST": "h"}, config, port=3)

    assert (settings.port, settings.host, settings.data_dir) == (3, "h", Path("from-file"))
    assert settings.otlp_http_port == 4318


def test_an_option_that_was_not_given_changes_nothing(tmp_path: Path) -> None:
    """The command line passes None for what the user did not type."""
    assert Settings.load({}, tmp_path / "absent.yaml", port=None).port == 8400


@pytest.mark.parametrize(
    ("text", "environ", "says"),
    [
        ("prot: 1", {}, "names unknown settings: prot"),
        ("- port", {}, "must be a mapping"),
        ("port: [", {}, "cannot read"),
        ("port: none", {}, "setting port is 'none', which is not a valid int"),
        ("", {"SPANLEDGER_PORT": "84OO"}, "setting port is '84OO'"),
        (
            "",
            {"SPANLEDGER_HTTP_SPANS": "maybe"},
            "setting http_spans is 'maybe': use true or false",
        ),
        ("", {"SPANLEDGER_ENDPOINTS": "host"}, "write it as host=provider"),
    ],
)
def test_wrong_settings_are_named(
    tmp_path: Path, text: str, environ: dict[str, str], says: str
) -> None:
    """One sentence that says which setting and what is wrong with it."""
    with pytest.raises(SettingsError, match=says):
        load(tmp_path, text, **environ)


@pytest.mark.parametrize(
    ("word", "flag"), [("true", True), ("1", True), ("YES", True), ("false", False), ("0", False)]
)
def test_flags_are_words(tmp_path: Path, word: str, flag: bool) -> None:  # noqa: FBT001
    """The text "false" is no yes."""
    assert load(tmp_path, SPANLEDGER_HTTP_SPANS=word).http_spans is flag


def test_endpoints_are_pairs(tmp_path: Path) -> None:
    """In a variable and in the file."""
    expected = {"llm.corp.example": "openai", "10.0.0.7:8000": "vllm"}

    from_file = load(tmp_path, "endpoints: {llm.corp.example: openai, '10.0.0.7:8000': vllm}")
    from_variable = load(
        tmp_path, SPANLEDGER_ENDPOINTS="llm.corp.example=openai, 10.0.0.7:8000=vllm"
    )

    assert from_file.endpoints == from_variable.endpoints == expected


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    """Somebody who commented everything out gets the defaults."""
    assert load(tmp_path, "# port: 1\n") == Settings()


def test_a_child_inherits_our_environment() -> None:
    """A process that we start finds its PATH, and what we add."""
    environment = child_environment(SPANLEDGER_TEST="1")

    assert environment["SPANLEDGER_TEST"] == "1"
    assert "PATH" in environment


def test_spans_go_where_the_standard_variables_say() -> None:
    """A base address gets the path of traces; an address for traces is taken as it is."""
    base = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/otlp/"}
    exact = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/exact"}

    assert otlp_target({}).url == "http://localhost:4318/v1/traces"
    assert otlp_target(base).url == "http://collector:4318/otlp/v1/traces"
    assert otlp_target(base | exact).url == "http://collector:4318/exact"


def test_variables_for_traces_win_over_general_ones() -> None:
    """Headers, timeout and certificates alike; a timeout that is none is left at its default."""
    general = {
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20one",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "/general.pem",
    }
    traces = {
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=Bearer two,x=y",
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "soon",
        "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": "/traces.pem",
    }
    one, two = otlp_target(general), otlp_target(general | traces)

    assert one.headers == {"authorization": "Bearer one"}
    assert (one.timeout_s, one.certificate) == (3.0, "/general.pem")
    assert two.headers == {"authorization": "Bearer two", "x": "y"}
    assert (two.timeout_s, two.certificate) == (10.0, "/traces.pem")


def test_a_target_does_not_show_its_key() -> None:
    """What is logged by accident holds no header."""
    assert "canary" not in repr(otlp_target({"OTEL_EXPORTER_OTLP_HEADERS": "key=canary"}))


def test_state_is_kept_where_the_user_keeps_state() -> None:
    """XDG's directory where it is absolute, as its specification asks, else the usual one."""
    assert state_directory({"XDG_STATE_HOME": "/state"}) == Path("/state/spanledger")
    assert state_directory({"XDG_STATE_HOME": "relative"}) == state_directory({})


def test_origins(tmp_path: Path) -> None:
    """Each setting that is not at its default has its variable, or else the file, as its origin."""
    config = tmp_path / "spanledger.yaml"
    config.write_text("port: 1\nhost: h\nunknown: 1\n")
    environ = {"SPANLEDGER_PORT": "2", "SPANLEDGER_DATA_DIR": "d", "SPANLEDGER_BAGGAGE": ""}
    assert setting_origins(environ, config) == {
        "host": str(config),
        "port": "SPANLEDGER_PORT",
        "data_dir": "SPANLEDGER_DATA_DIR",
    }
    assert setting_origins({}, None) == {}
    assert setting_origins({}, tmp_path / "none.yaml") == {}


def test_unknown_variables() -> None:
    """A variable that is almost one of ours is found."""
    environ = {"SPANLEDGER_PORT": "1", "SPANLEDGER_PROT": "1", "SPANLEDGER_": "", "PORT": "1"}
    assert unknown_variables(environ) == ["SPANLEDGER_", "SPANLEDGER_PROT"]


def test_the_origins_of_the_collector() -> None:
    """The variables that say where spans go, by name."""
    environ = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=b",
        "OTEL_EXPORTER_OTLP_TIMEOUT": " ",
        "OTEL_SERVICE_NAME": "shop",
    }
    assert otlp_origins(environ) == [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ]
    assert otlp_origins({}) == []
