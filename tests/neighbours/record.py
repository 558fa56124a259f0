"""Write `tests/recorded/neighbours.json` anew from what `tests.neighbours.app` wrote.

    python -m tests.neighbours.record LIBRARY=FILE ...

Libraries that are not named stay as they are. Forms that a library does not instrument are left
out, as are calls in parallel, whose steps come in any order.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

RECORDED: Final = Path(__file__).parents[1] / "recorded" / "neighbours.json"


def sequences(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each form what is answered, and what the library does."""
    for name, form in told["forms"].items():
        others = [step for step in form["steps"] if step.get("start", "app") != "app"]
        if others and form["requests"] == 1:
            yield name, {"answer": form["answer"], "steps": form["steps"]}


def text(recorded: dict[str, Any]) -> str:
    """As JSON, a line for each step."""
    libraries: list[str] = []
    for library, told in sorted(recorded.items()):
        forms: list[str] = []
        for name, form in told["forms"].items():
            steps = ",\n".join(f"   {json.dumps(step)}" for step in form["steps"])
            forms.append(
                f'  {json.dumps(name)}: {{"answer": "{form["answer"]}", "steps": [\n{steps}\n  ]}}'
            )
        versions = json.dumps(told["versions"])
        body = ",\n".join(forms)
        libraries.append(f'"{library}": {{"versions": {versions}, "forms": {{\n{body}\n }}}}')
    return "{\n" + ",\n".join(libraries) + "\n}\n"


def main(arguments: list[str]) -> None:
    """Take over what each file tells of its library."""
    kept: dict[str, Any] = json.loads(RECORDED.read_text("utf-8")) if RECORDED.exists() else {}
    for argument in arguments:
        library, _, path = argument.partition("=")
        told = json.loads(Path(path).read_text("utf-8"))
        kept[library] = {"versions": told["versions"], "forms": dict(sequences(told))}
    RECORDED.write_text(text(kept), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
