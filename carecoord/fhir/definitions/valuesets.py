"""Expand official value sets to their codes, for trim.py.

The result: {url of the value set: {system: [codes]}}; a system whose codes HL7 does not publish (MIME types,
currencies) has null for its codes, and then only the shape of a code can be judged.
"""

from collections.abc import Iterable, Iterator
from typing import Any

Codes = dict[str, list[str] | None]


class Expander:
    """Knows the value sets and code systems among `resources`."""

    def __init__(self, resources: Iterable[dict[str, Any]]) -> None:
        self._sets: dict[str, dict[str, Any]] = {}
        self._systems: dict[str, dict[str, Any]] = {}
        for row in resources:
            if row["resourceType"] == "ValueSet":
                self._sets[row["url"]] = row
            elif row["resourceType"] == "CodeSystem":
                self._systems[row["url"]] = row

    def all(self, urls: Iterable[str]) -> dict[str, Codes]:
        """The codes of each of these value sets; one that HL7 names and does not publish is left out."""
        return {url: self.codes(url) for url in sorted(urls) if url in self._sets}

    def codes(self, url: str) -> Codes:
        """The codes of one value set, by system. Raises ValueError for a rule that R4's required sets do not use."""
        out: Codes = {}
        compose = self._sets[url]["compose"]
        if "exclude" in compose:
            raise ValueError(f"{url} excludes codes")
        for include in compose["include"]:
            for system, codes in self._included(include).items():
                known = out.get(system, [])
                out[system] = None if codes is None or known is None else sorted({*known, *codes})
        return out

    def _included(self, include: dict[str, Any]) -> Codes:
        if "filter" in include:
            raise ValueError(f"{include['system']} is filtered")
        if "valueSet" in include:
            sets = [self.codes(url.split("|")[0]) for url in include["valueSet"]]
            return {system: codes for part in sets for system, codes in part.items()}
        system = str(include["system"])
        if "concept" in include:
            return {system: [concept["code"] for concept in include["concept"]]}
        return {system: self._whole(system)}

    def _whole(self, system: str) -> list[str] | None:
        found = self._systems.get(system, {})
        return list(_flat(found["concept"])) if found.get("content") == "complete" else None


def _flat(concepts: list[dict[str, Any]]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _flat(concept.get("concept", []))
