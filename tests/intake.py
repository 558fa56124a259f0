"""An intake without a spool, for tests that are about something else."""

import asyncio

from starlette.concurrency import run_in_threadpool

from spanledger.collector.delivery import Delivery, calls_of
from spanledger.collector.pipeline import Pipeline


class DirectIntake:
    """Takes a delivery by storing its calls at once."""

    def __init__(self, pipeline: Pipeline, body_bytes_max: int) -> None:
        self._pipeline = pipeline
        self._body_bytes_max = body_bytes_max

    async def take(self, delivery: Delivery) -> None:
        """Store the calls of a delivery."""
        calls = await run_in_threadpool(calls_of, delivery, self._body_bytes_max)
        if calls:
            await asyncio.wrap_future(await run_in_threadpool(self._pipeline.submit, calls))
