import pytest

from spanledger.dialects.dialect import Json
from spanledger.dialects.fields import error_name, section, sections, text, texts


@pytest.mark.parametrize("value", [None, 1, True, 1.5, [], {}])
def test_wrong_type_is_no_text(value: object) -> None:
    """What is no text counts as absent."""
    assert text({"key": value}, "key") == ""
    assert text({}, "key") == ""


@pytest.mark.parametrize(
    ("value", "read"), [("gpt-4o", "gpt-4o"), ("模型", "模型"), ("half \ud83d pair", "half ? pair")]
)
def test_text_can_be_encoded(value: str, read: str) -> None:
    """Half a surrogate pair, which JSON allows, is replaced: it would break every encoder."""
    assert text({"key": value}, "key") == read


def test_objects_only() -> None:
    """Sections are objects, or the objects of an array; all else is left out."""
    body: Json = {"one": {"a": 1}, "many": [{"a": "x"}, 2, {"b": 3}], "text": "x"}
    assert section(body, "one") == {"a": 1}
    assert section(body, "many") is None
    assert section(body, "none") is None
    assert sections(body, "many") == ({"a": "x"}, {"b": 3})
    assert sections(body, "one") == ()
    assert texts(sections(body, "many"), "a") == ("x",)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, ""),
        ({"error": None}, ""),
        ({"error": {}}, ""),
        ({"error": {"code": "c", "type": "t", "status": "S"}}, "c"),
        ({"error": {"code": None, "type": "t"}}, "t"),
        ({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}, "RESOURCE_EXHAUSTED"),
        ({"error": {"code": 429, "message": "no name"}}, "_OTHER"),
        ({"error": "model not found"}, "_OTHER"),
    ],
)
def test_error_name(body: Json, name: str) -> None:
    """An error is named by code, type or status; one without a name is still an error."""
    assert error_name(body) == name
