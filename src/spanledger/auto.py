"""Importing this module starts the recording: `import spanledger.auto`."""

import spanledger

spanledger.instrument()
