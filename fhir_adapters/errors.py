"""What can go wrong between us and an EHR, one class per thing that a person would do differently about it.

No text here holds any of an answer's body but the diagnostics of its OperationOutcome: a body may be about a patient.
"""


class EhrError(Exception):
    """Something went wrong with an EHR. `text` says what, where, and what would put it right."""

    stops_run = False  # whether going on with the next resource type would be pointless
    tried_again = False  # whether the same request may work a moment later

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Misconfigured(EhrError):
    """What we were told about this EHR can not be right."""

    stops_run = True


class Unreachable(EhrError):
    """No connection, or it broke: name, port, firewall or certificate."""

    tried_again = True


class TimedOut(EhrError):
    """Connected, but no whole answer in time."""

    tried_again = True


class Broken(EhrError):
    """The EHR answered with a server error (5xx)."""

    tried_again = True


class Garbled(EhrError):
    """The answer is not what the standard says: no JSON, or not the resource that was asked for."""

    tried_again = True


class Busy(EhrError):
    """429 or 503. `seconds` is the wait that the EHR asked for, if it asked for one."""

    tried_again = True

    def __init__(self, text: str, seconds: float | None = None) -> None:
        super().__init__(text)
        self.seconds = seconds


class Away(Busy):
    """The EHR asks for a longer wait than one run may take: come back later."""

    stops_run, tried_again = True, False


class TooLarge(EhrError):
    """The answer is larger than the limit."""


class Refused(EhrError):
    """A 4xx: the EHR will not answer this request. `status` is its code."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class NotAllowedIn(Refused):
    """401 also with a fresh token, or no token was given to us: nothing else will work either."""

    stops_run = True


class Elsewhere(EhrError):
    """A link or a redirect leads to another host, which must not see our token."""


class Loop(EhrError):
    """Paging comes back to a page that was already read."""


class CircuitOpen(EhrError):
    """Several requests in a row failed for good: the EHR is down, and asking on would only add to its load."""

    stops_run = True
