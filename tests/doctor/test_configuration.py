"""Settings are shown with where they came from, and secrets are not."""

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from spanledger.doctor.configuration import check_otel_variables, check_settings, read_settings
from spanledger.doctor.finding import Finding


def by_check(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Findings by what was looked at."""
    return {finding.check: finding for finding in findings}


def test_settings_and_their_origins(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variable, file, option and default; the application reads no file."""
    (machine / "work" / "spanledger.yaml").write_text("port: 9000\nspool_dir: /nowhere\n")
    monkeypatch.setenv("SPANLEDGER_ADMIN_KEY", "sl_admin_canary")
    monkeypatch.setenv("SPANLEDGER_ENDPOINTS", "llm.corp.example=openai,gpu:8000=vllm")
    monkeypatch.setenv("SPANLEDGER_BAGGAGE", "true")

    app, server, wrong = read_settings(Path("elsewhere"))
    found = by_check(check_settings(server))

    assert wrong is None
    assert (app.port, app.spool_dir) == (8400, "")
    assert (server.port, server.data_dir) == (9000, Path("elsewhere"))
    assert found["settings.port"].says == "port is 9000, by spanledger.yaml."
    assert found["settings.baggage"].says == "baggage is true, by SPANLEDGER_BAGGAGE."
    assert "llm.corp.example=openai,gpu:8000=vllm" in found["settings.endpoints"].says
    assert found["settings.admin_key"].says == "admin_key is (not shown), by SPANLEDGER_ADMIN_KEY."
    assert "canary" not in str(list(found.values()))
    assert found["settings.defaults"].says == "Others are at their defaults."


def test_nothing_set() -> None:
    """Then one sentence is enough."""
    _, server, wrong = read_settings(None)
    (finding,) = check_settings(server)
    assert wrong is None
    assert finding.says == "All settings are at their defaults."


@pytest.mark.parametrize(
    ("variable", "value"), [("SPANLEDGER_PORT", "many"), ("SPANLEDGER_BAGGAGE", "perhaps")]
)
def test_a_setting_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """It needs attention: the server does not start, and the application goes without."""
    monkeypatch.setenv(variable, value)
    app, _, wrong = read_settings(None)
    assert wrong is not None
    assert wrong.standing == "attention"
    assert repr(value) in wrong.says
    assert "all settings at their defaults" in wrong.advice
    assert app.port == 8400


def test_a_file_that_cannot_be_read(machine: Path) -> None:
    """The application's settings are not concerned."""
    (machine / "work" / "spanledger.yaml").write_text("sport: 1\n")
    app, server, wrong = read_settings(Path("elsewhere"))
    assert wrong is not None
    assert "sport" in wrong.says
    assert "an application does not read it" in wrong.advice
    assert (app.port, server.data_dir) == (8400, Path("elsewhere"))
    assert [finding.standing for finding in check_settings(server)] == ["ok"]


def test_a_slip_of_the_pen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is almost a setting has no effect, and nobody else says so."""
    monkeypatch.setenv("SPANLEDGER_SPOOLDIR", "canary-value")
    found = by_check(check_settings(read_settings(None)[1]))
    assert found["settings.unknown"].standing == "attention"
    assert "SPANLEDGER_SPOOLDIR" in found["settings.unknown"].says
    assert "canary" not in str(found)


@pytest.mark.parametrize("package", ["opentelemetry.instrumentation", None])
def test_http_spans_without_their_package(
    monkeypatch: pytest.MonkeyPatch, package: str | None
) -> None:
    """It is said where it is missing, be it with all that it belongs to."""
    monkeypatch.setenv("SPANLEDGER_HTTP_SPANS", "true")
    if package:
        monkeypatch.setitem(sys.modules, package, None)
    found = by_check(check_settings(read_settings(None)[1]))
    assert ("settings.http_spans_package" in found) is (package is not None)


def test_standard_variables_that_switch_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them costs the recording, or a part of it."""
    assert {finding.standing for finding in check_otel_variables()} == {"ok"}
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "redis, spanledger")
    found = by_check(check_otel_variables())
    assert {name for name, finding in found.items() if finding.standing == "attention"} == {
        "otel.disabled",
        "otel.exporter",
        "otel.left_out",
    }
