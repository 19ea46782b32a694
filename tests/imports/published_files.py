"""Files as their publishers hand them out, of any length and made up, written line by line, so that one as long as a
publisher's can be made; what is wrong in them is written down beside."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.imports import nppes_lines
from tests.imports.test_exclusions import HEAD as LEIE
from tests.imports.test_in_network import OTHERS, OURS, entry, price
from tests.imports.test_plan_net import BASE, FIRST, organization, role

NUCC = '"Code","Grouping","Classification","Specialization","Definition","Notes","Display Name","Section"\n'


def npi(n: int) -> str:
    """The n-th National Provider Identifier of a range that nobody has: nine digits and the one that checks them."""
    digits = f"9{n:08}"
    doubled = [int(d) * (1 if place % 2 else 2) for place, d in enumerate(reversed(digits))]
    total = 24 + sum(each - 9 if each > 9 else each for each in doubled)
    return f"{digits}{-total % 10}"


def nucc(path: Path, codes: int) -> dict[str, str]:
    """Health care provider taxonomy, a code a line; every 300th has no shape of one. Returns cell -> words."""
    faults = {}
    with path.open("w") as out:
        out.write(NUCC)
        for n in range(codes):
            code = f"{200 + n // 100}{n % 100:02}{'ABCD'[n % 4]}000{'' if n % 300 == 299 else 'X'}"
            if not code.endswith("X"):
                faults[f"A{n + 2}"] = (
                    f"'{code}' has the shape of no code system that is known; say which in the column Code system"
                )
            rest = f'"Group {n % 9}","Class {n}","","Made up, and ""quoted""","","Made up {n}","Individual"'
            out.write(f'"{code}",{rest}\n')
    return faults


def hcpcs(path: Path, codes: int) -> None:
    """HCPCS Level II, two lines a code of 320 positions."""

    def record(code: str, sequence: int, kind: str, words: str, last: str) -> str:
        return f"{code:>5}{sequence:05}{kind}{words:<80}{'':<28}{'':<165}{last:<8}".ljust(320) + "\r\n"

    with path.open("w", newline="") as out:
        for n in range(codes):
            code, last = f"{'AEGJKL'[n // 1500]}{n % 1500:04}", "20251231" if n % 50 == 0 else ""
            out.write(record(code, 100, "3", f"Made up service {n}, described at such length that", last))
            out.write(record(code, 200, "4", "it goes on in a second line", last))


def nppes(path: Path, lines: int) -> dict[str, str]:
    """The monthly registry: every hundredth line is of NY, and every 20,000th has a mistyped number in NY."""
    faults = {}
    with path.open("w") as out:
        out.write(",".join(f'"{each}"' for each in nppes_lines.HEADER) + "\n")
        for n in range(lines):
            number, state = npi(n), "NY" if n % 100 == 0 else "CA"
            if n % 20_000 == 10_000:
                number = f"{number[:-1]}{(int(number[-1]) + 1) % 10}"
                faults[f"A{n + 2}"] = (
                    f"'{number}' is no NPI: its last digit does not fit the others, so one is mistyped"
                )
            out.write(nppes_lines.line({
                "npi": number, "kind": "1", "last": f"PERSON{n}", "first": "MADE UP", "state": state, "city": "TOWN",
                "line": "1 MAIN STREET", "zip": "10001", "taxonomy1": "207RC0000X",
            }) + "\n")  # fmt: skip
    return faults


def leie(path: Path, rows: int, ours: list[str]) -> dict[str, str]:
    """The list of those whom federal programs do not pay for: ours spread over it, one day that is none."""
    faults = {}
    with path.open("w") as out:
        out.write(LEIE)
        for n in range(rows):
            number = ours[n * len(ours) // rows] if n % (rows // len(ours)) == 0 else "0000000000"
            day = "20263101" if n == rows // 2 + 1 else "20250420"
            if n == rows // 2 + 1:
                faults[f"O{n + 2}"] = "'20263101' is no day; write it like 2026-12-31"
            out.write(f'"NOBODY{n}","MADE UP","","","","","","{number}","","","","NY","","1128a1","{day}","00000000",'
                      '"00000000",""\n')  # fmt: skip
    return faults


def in_network(path: Path, entries: int, every: int) -> int:
    """A payer's file of rates: every so many-th is of our provider, all others of others. Returns how many of ours."""
    ours = 0
    with path.open("w") as out:
        groups = [{"provider_group_id": n, "provider_groups": [OURS if n == 1 else OTHERS]} for n in range(1, 50)]
        head = {"reporting_entity_name": "Acme Health", "reporting_entity_type": "health insurance issuer",
                "last_updated_on": "2026-11-01", "version": "2.1.0", "provider_references": groups}  # fmt: skip
        out.write(json.dumps(head)[:-1] + ', "in_network": [\n')
        for n in range(entries):
            mine = n % every == 0
            ours += mine
            code = f"{'AEGJKL'[n // 10_000 % 6]}{n % 10_000:04}"
            said = entry("HCPCS", code, price("negotiated", 100 + n % 100), by=[1 if mine else 2 + n % 48])
            out.write((",\n" if n else "") + json.dumps(said))
        out.write("]}")
    return ours


def plan_net(path: Path, roles: range, changed: frozenset[int] = frozenset()) -> int:
    """A snapshot of a payer's directory with these roles, and their people. Returns how many resources it has."""
    size = 0
    with path.open("w") as out:
        out.write('{"resourceType": "Bundle", "type": "collection", "entry": [')
        for each in _directory(roles, changed):
            full = f"{BASE}/{each['resourceType']}/{each['id']}"
            out.write(("," if size else "") + json.dumps({"fullUrl": full, "resource": each}))
            size += 1
        out.write("]}")
    return size


def _directory(roles: range, changed: frozenset[int]) -> Iterator[dict[str, Any]]:
    yield from (each for each in FIRST if each["resourceType"] not in ("PractitionerRole", "Practitioner"))
    yield organization("oak", "Oak Group", "prvgrp")
    for n in roles:
        yield {"resourceType": "Practitioner", "id": f"p{n}", "active": True, "name": [{"family": f"Person {n}"}]}
        here = role(f"r{n}", f"p{n}")
        yield here | ({"organization": {"reference": "Organization/oak"}} if n in changed else {})
