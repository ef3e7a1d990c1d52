"""Waiting for what others do."""

import os
import select
import time


def wait_until(true, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


def read_terminal(fd: int, until: bytes, seconds=60.0) -> bytes:
    """What has come until these bytes have."""
    deadline = time.monotonic() + seconds
    seen = b""
    while until not in seen:
        left = deadline - time.monotonic()
        assert left > 0 and select.select([fd], [], [], left)[0], seen
        seen += os.read(fd, 65536)
    return seen
