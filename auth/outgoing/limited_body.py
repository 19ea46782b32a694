"""The body of an answer from somebody else's server, read no further and no longer than we can afford."""

import time
from typing import Final

import requests

LARGEST: Final = 200_000  # bytes
DEADLINE: Final = 10.0  # seconds for the whole of it
TIMEOUT: Final = (3.05, 5.0)  # seconds to connect and to wait for the next bytes


class TooMuch(requests.RequestException):
    """The answer is larger or slower than it may be."""


def body(answer: requests.Response, largest: int = LARGEST, seconds: float = DEADLINE) -> bytes:
    """The body of an answer asked for with stream=True, while it stays small and comes in time: a slow trickle must
    not hold a thread. Raises TooMuch, or what urllib3 and the socket raise."""
    late, read = time.monotonic() + seconds, b""
    while chunk := answer.raw.read1(largest, decode_content=True):
        read += chunk
        if len(read) > largest or time.monotonic() > late:
            raise TooMuch(f"The answer of {answer.url} is too large or too slow.")
    return read
