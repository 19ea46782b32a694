"""In which form a client sends and wants its answer: media types, `_format`, `_pretty`, Prefer.

Clause: FHIR R4 http.html#mime-type, #parameters and #ops (Prefer: return=, handling=). We speak JSON, one of the two
forms a server may choose; XML and Turtle are refused in words, never answered with something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from carecoord.errors import Invalid, NotAcceptable, Unsupported

JSON = "application/fhir+json"
ANSWER = "application/fhir+json; charset=utf-8"
FOREIGN = frozenset({"application/fhir+xml", "application/xml+fhir", "application/fhir+turtle"})
READ = frozenset({"application/fhir+json", "application/json", "application/json+fhir", "text/json"})
_TAKEN = READ | {"*/*", "application/*", "text/html"}  # text/html: a person looking with a browser
_FORMATS = READ | {"json"}
_ONLY = "This server speaks JSON only, not XML or Turtle: "
_RETURNS = ("minimal", "representation", "OperationOutcome")
_HANDLINGS = ("strict", "lenient")


@dataclass(frozen=True)
class Wish:
    """How to answer. pretty: indented. returning: what a write is to answer with (minimal, representation or
    OperationOutcome), if they said. strict: refuse a parameter that we do not know, else ignore it and say so
    (search.html 3.1.1.3: "servers SHOULD ignore unknown or unsupported parameters"). raw: not a resource, but the file
    that it holds."""

    pretty: bool = False
    returning: str | None = None
    strict: bool = False
    raw: bool = False


_PLAIN = Wish()


def wish(accept: str | None, prefer: str | None, args: Mapping[str, str] | None) -> Wish:
    """What the headers and the query ask for. `args` is None when there is no query.

    Raises NotAcceptable for a form that we do not make, Invalid for a Prefer value that FHIR does not have.
    """
    asked = args.get("_format") if args else None
    if asked is not None:
        # a plus in a query may be meant as such: application/fhir+json arrives with a space
        if bare(asked).replace(" ", "+") not in _FORMATS:
            raise NotAcceptable(f"{_ONLY}send _format=json, not {asked!r}.", "http._format")
        _demand_r4(asked, "http._format")
    elif accept is not None and accept not in _TAKEN and not any(bare(part) in _TAKEN for part in accept.split(",")):
        raise NotAcceptable(f"{_ONLY}send Accept: {JSON}, not {accept!r}.", "http.Accept")
    elif accept is not None and ";" in accept:
        _demand_r4(accept, "http.Accept")
    pretty = _pretty(args["_pretty"]) if args and "_pretty" in args else False
    if not pretty and prefer is None:
        return _PLAIN
    strict = _preferred(prefer, "handling", _HANDLINGS) == "strict"
    return Wish(pretty, _preferred(prefer, "return", _RETURNS), strict)


def _demand_r4(accept: str, where: str) -> None:
    """http.html#version-parameter: an answer of another release is refused, unless one of ours will do as well."""
    parts = [part for part in accept.split(",") if bare(part).replace(" ", "+") in _TAKEN | _FORMATS]
    if parts and not any(_is_r4(part) for part in parts):
        raise NotAcceptable(f"This server speaks FHIR R4 (fhirVersion=4.0), not {accept[:120]!r}.", where)


def _is_r4(kind: str) -> bool:
    asked = _parameter(kind, "fhirversion")
    return asked in ("", "4.0", "4.0.1")


def _parameter(kind: str, name: str) -> str:
    return kind.lower().partition(f"{name}=")[2].partition(";")[0].strip(' "')


def refuse_packed(encoding: str | None) -> None:
    """Raise Unsupported for a body that is packed (RFC 9110 section 15.5.16)."""
    if encoding and encoding.strip().lower() != "identity":
        headers = {"Accept-Encoding": "identity"}
        raise Unsupported(
            f"Send the body as it is, not as {encoding[:40]!r}.", "http.Content-Encoding", headers=headers
        )


def is_file(accept: str | None, args: Mapping[str, str] | None) -> bool:
    """Whether an Accept that we do not make asks for a file as itself: it names a form that is none of FHIR's."""
    kinds = {bare(part) for part in (accept or "").split(",")}
    return bool(kinds - FOREIGN) and not (args and "_format" in args)


def refuse_foreign(content_type: str | None, known: frozenset[str] = READ) -> None:
    """Raise Unsupported unless the body's media type is one that we read, in UTF-8."""
    kind = bare(content_type or "")
    if kind not in known:
        said = f"not {content_type!r}" if content_type else "and say so in the Content-Type header"
        raise Unsupported(f"{_ONLY}send the body as {min(known)}, {said}.", "http.Content-Type")
    if not _is_r4(content_type or ""):
        raise Unsupported(f"This server reads FHIR R4 (fhirVersion=4.0), not {content_type!r}.", "http.Content-Type")
    charset = _parameter(content_type or "", "charset")
    if charset and charset not in ("utf-8", "utf8", "us-ascii"):
        raise Unsupported(f"Send the body in UTF-8, not {charset}.", "http.Content-Type")


def bare(kind: str) -> str:
    """A media type without its parameters."""
    return kind.partition(";")[0].strip().lower()


def _pretty(value: str) -> bool:
    if value not in ("true", "false"):
        raise Invalid(f"_pretty is true or false, not {value!r}.", "http._pretty")
    return value == "true"


def _preferred(header: str | None, name: str, values: tuple[str, ...]) -> str | None:
    """The value of one preference, or None. Preferences that are not ours are ignored (RFC 7240)."""
    for part in (header or "").replace(";", ",").split(","):
        key, _, value = part.strip().partition("=")
        if key.strip().lower() == name:
            value = value.strip(' "')
            if value not in values:
                raise Invalid(f"Prefer: {name}= is one of {', '.join(values)}, not {value!r}.", "http.Prefer")
            return value
    return None
