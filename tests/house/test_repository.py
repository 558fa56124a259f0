"""What the repository promises about the files in it."""

import re
from pathlib import Path

from tests.house.source import ROOT, repository_files

# Put together here, as this file belongs to the repository too.
HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("deb", "debian", "org"),
        ("crates", "io"),
        ("conda", "anaconda", "org"),
        ("proxy", "golang", "org"),
        ("docker", "io"),
    )
)
MACHINE_PATHS = tuple(f"/{name}/" for name in ("work", "root", "home"))

IMAGES = {".png", ".svg", ".jpg", ".webp"}
VOCABULARIES = ROOT / "src" / "spanledger" / "vocabularies"
"""What tiktoken would download: compressed, and tested against the checksums that it asks for."""
TEXT_BYTES_MAX = 1_000_000


def texts() -> dict[str, str]:
    """Every text file of the repository by its path; images and vocabularies are none."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in repository_files()
        if not is_data(path)
    }


def is_data(path: Path) -> bool:
    """Whether `path` is an image that a page of the docs may show, or a vocabulary."""
    if path.is_relative_to(VOCABULARIES):
        return path.suffix == ".z"
    return path.suffix in IMAGES and path.is_relative_to(ROOT / "docs")


def test_files_are_text_and_of_readable_size() -> None:
    """No binary blob but images of the docs and vocabularies; nothing that a review would skip."""
    for path in repository_files():
        if not is_data(path):
            content = path.read_bytes()
            assert b"\0" not in content, path
            assert len(content) <= TEXT_BYTES_MAX, path


def test_no_file_names_a_registry() -> None:
    """Packages come from whatever index the reader uses."""
    assert [
        f"{path}: {host}" for path, text in texts().items() for host in HOSTS if host in text
    ] == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    """An absolute path of a developer's machine is of no use to anybody else."""
    found = re.compile(rf"(?<![\w.*-])({'|'.join(MACHINE_PATHS)})")

    assert [path for path, text in texts().items() if found.search(text)] == []


def test_requirements_are_pinned_and_hashed() -> None:
    """Each line is a version or a hash of it: no address, no option, no range."""
    files = sorted((ROOT / "requirements").glob("*.txt"))

    assert [path.name for path in files] == ["demo.txt", "dev.txt", "neighbours.txt"]
    for path in files:
        text = path.read_text(encoding="utf-8")
        entries = text.replace("\\\n", " ").splitlines()
        assert "://" not in text
        for entry in entries:
            assert re.match(
                r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,-]+\])?==\S+( ; [^-]+)? +--hash", entry
            )
            assert re.search(r"--hash=sha256:[0-9a-f]{64}$", entry)
