"""One tree of errors for people and machines; `carecoord.web` maps it to HTML or an OperationOutcome in one place.

Clause: FHIR R4 http.html#2.21.0.4 (status codes) and valueset-issue-type.html (issue codes).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence


@dataclass(frozen=True)
class Issue:
    """One OperationOutcome.issue: severity fatal|error|warning|information, an R4 issue-type code, what is wrong and
    what to do about it, and where: a FHIRPath expression like `ServiceRequest.status`, or `http.<header or name>`."""

    severity: str
    code: str
    said: str | Sentence
    where: str | None = None

    @property
    def text(self) -> str:
        """In the words of whoever reads."""
        return say(self.said)


@dataclass(eq=False)
class Problem(Exception):
    """Anything we refuse or fail to do. `said`: what is wrong and what would put it right, a sentence where a person at
    a page may meet it. `text` is that in the words of whoever reads; `str()` in English, for logs and commands."""

    said: str | Sentence
    where: str | None = None
    issues: Sequence[Issue] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    status = 500
    code = "exception"

    @property
    def text(self) -> str:
        """In the words of whoever reads."""
        return say(self.said)

    def __str__(self) -> str:
        return str(self.said)

    def all_issues(self) -> tuple[Issue, ...]:
        """The issues to show: the ones given, else one made of this problem's own code, text and where."""
        return tuple(self.issues) or (Issue("error", self.code, self.said, self.where),)


class Invalid(Problem):
    """400: the request or the resource is malformed."""

    status, code = 400, "invalid"


class Unauthorized(Problem):
    """401: no token or session, or one that is not good."""

    status, code = 401, "login"


class Forbidden(Problem):
    """403: known, but not allowed."""

    status, code = 403, "forbidden"


class NotFound(Problem):
    """404: no such type, id or page, or none that the asker may know of."""

    status, code = 404, "not-found"


class NotAllowed(Problem):
    """405: the path is known, the method is not."""

    status, code = 405, "not-supported"


class NotAcceptable(Problem):
    """406: a form of answer we do not make."""

    status, code = 406, "not-supported"


class Conflict(Problem):
    """409: the move is not legal from the present state."""

    status, code = 409, "conflict"


class Gone(Problem):
    """410: it was here and has been deleted."""

    status, code = 410, "deleted"


class Stale(Problem):
    """412: somebody else changed it first (If-Match), or a condition matched several."""

    status, code = 412, "conflict"


class TooLarge(Problem):
    """413: the body is over the limit."""

    status, code = 413, "too-long"


class Unsupported(Problem):
    """415: a media type that we do not read."""

    status, code = 415, "not-supported"


class Unprocessable(Problem):
    """422: well formed, but against a rule of the resource or of the trade."""

    status, code = 422, "processing"


class TooMany(Problem):
    """429: over the limit of requests."""

    status, code = 429, "throttled"


class BadGateway(Problem):
    """502: a system that we asked gave no usable answer."""

    status, code = 502, "transient"


class Unavailable(Problem):
    """503: not now; send Retry-After in `headers`."""

    status, code = 503, "transient"


@dataclass(eq=False)
class DatabaseAway(Unavailable):
    """503: the database does not answer. `cause` is one word for the log; `operator` says to whoever runs the server
    which database it is, why, and what to do, without a password; a client gets `text` alone."""

    cause: str = ""
    operator: str = ""


class TimedOut(Problem):
    """504: a system that we asked did not answer in time."""

    status, code = 504, "timeout"
