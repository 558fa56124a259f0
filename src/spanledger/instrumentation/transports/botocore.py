"""The shell for botocore, through which boto3 calls Bedrock.

`URLLib3Session.send` is called for each try apart; beneath it is urllib3, and no other library that
we hook.
"""

from types import ModuleType

from spanledger.instrumentation.exchange import Recorder
from spanledger.instrumentation.patch import Patch, patch_method
from spanledger.instrumentation.transports.urllib3 import sending_shell

__all__ = ["patch"]


def patch(module: ModuleType, recorder: Recorder) -> list[Patch]:
    """Put our shell on the session of `module`, which is `botocore.httpsession`."""
    return [patch_method(module.URLLib3Session, "send", sending_shell(decoded=False), recorder)]
