"""A payer's list of rules as payers publish it, a line a row, of any length, with what is in it written down beside."""

from collections.abc import Iterator
from dataclasses import dataclass

HEAD = (
    "Payer,Authorization,Procedure code,Modifiers,Plan,Line of business,Place of service,Age from,Effective date,Notes"
)
PAYERS = 8
_ANSWERS = ("yes", "no", "notification only", "Y")
_MEANT = ("required", "not-required", "notification-only", "required")
_FAULTS = (
    ("Auth maybe", "B{line}", "'Auth maybe' is not one of: required, not required, notification only, delegated"),
    ("31.02.2026", "I{line}", "'31.02.2026' is no day; write 2026-02-28"),
    ("PX999", "A{line}", "Nobody here is called 'PX999' or has this number; bring it in first, or write its NPI"),
)


@dataclass(frozen=True)
class Truth:
    """What a list holds. answers: what each good row says, by payer number, code and plan; faults: cell -> words."""

    answers: dict[tuple[str, str, str], str]
    faults: dict[str, str]


def payers() -> str:
    """The payers of the list, as a table of organizations."""
    return "Name,Kind,Payer number\n" + "".join(f"Payer {n},payer,PX{n:03}\n" for n in range(PAYERS))


def rules(rows: int, faulty: int) -> tuple[bytes, Truth]:
    """A CSV of so many rows, of which `faulty` are so, spread over it; no two say the same."""
    truth = Truth({}, {})
    return "\n".join([HEAD, *_lines(rows, faulty, truth)]).encode(), truth


def _lines(rows: int, faulty: int, truth: Truth) -> Iterator[str]:
    for n in range(rows):
        payer, code, plan = f"PX{n % PAYERS:03}", _code(n // PAYERS // 4), f"P{n // PAYERS % 4}"
        cells = [payer, _ANSWERS[n // 7 % 4], code, ("", "GT", "26; TC")[n % 3], plan, "commercial", "11",
                 str(18 * (n % 2)), "1/1/2026", "as published"]  # fmt: skip
        if faulty and n % (rows // faulty) == 0 and len(truth.faults) < faulty:
            wrong, where, said = _FAULTS[len(truth.faults) % len(_FAULTS)]
            cells[ord(where[0]) - ord("A")] = wrong
            truth.faults[where.format(line=n + 2)] = said
        else:
            truth.answers[payer, code, plan] = _MEANT[n // 7 % 4]
        yield ",".join(cells)


def _code(n: int) -> str:
    """The n-th code of the shape of HCPCS Level II."""
    letter = "ABCEGHJKLMPQRSTV"[n // 10_000]
    return f"{letter}{n % 10_000:04}"
