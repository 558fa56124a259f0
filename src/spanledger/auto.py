"""Importing this module starts the recording: `import spanledger.auto`."""
