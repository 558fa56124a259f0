"""Write the vocabularies that `spanledger.tokenizer` counts with, out of tiktoken's own files.

    python docs/vocabularies.py            from those that litellm brings, which the extra `dev` has
    python docs/vocabularies.py FOLDER     from a folder that tiktoken has as its TIKTOKEN_CACHE_DIR

Each file is checked against the SHA-256 that tiktoken expects of it, and its form is described at
`spanledger.tokenizer.ranks`. Nothing is downloaded.
"""

import base64
import hashlib
import sys
import zlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from spanledger.tokenizer import VOCABULARIES, definition

TARGET: Final = Path(__file__).parents[1] / "src" / "spanledger" / "vocabularies"


def main() -> int:
    """Write each of them."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else _litellms()
    for name in VOCABULARIES:

        def load(address: str, *, expected_hash: str) -> Mapping[bytes, int]:
            return _read(folder, address, expected_hash)

        packed = _packed(definition(name, load)["mergeable_ranks"])
        (TARGET / f"{name}.z").write_bytes(packed)
        print(f"{name}: {len(packed):,} bytes")
    return 0


def _litellms() -> Path:
    found = find_spec("litellm")
    if found is None or found.origin is None:
        sys.exit("Name a folder with tiktoken's files, or install litellm, which has them.")
    return Path(found.origin).parent / "litellm_core_utils" / "tokenizers"


def _read(folder: Path, address: str, expected_hash: str) -> Mapping[bytes, int]:
    """The ranks in the file that tiktoken keeps for `address`."""
    file = folder / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected_hash:
        sys.exit(f"{file} is not what tiktoken expects")
    lines = (line.split() for line in content.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def _packed(ranks: Mapping[bytes, int]) -> bytes:
    tokens = sorted(ranks, key=ranks.__getitem__)
    if [ranks[token] for token in tokens] != list(range(len(tokens))):
        sys.exit("the ranks have gaps, for which the form of the file has no place")
    data = len(tokens).to_bytes(4, "big") + bytes(map(len, tokens)) + b"".join(tokens)
    return zlib.compress(data, 9)


if __name__ == "__main__":
    sys.exit(main())
