"""Spanledger: what your LLM calls cost, exactly and provably.

Importing this package does nothing; `import spanledger.auto` starts the recording.
"""

__version__ = "0.1.0.dev0"
