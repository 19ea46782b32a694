"""`check --deep`: the look at every resource and at all that stands beside it."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from carecoord.actions.server.deep import Fault, Kind, Looked, walk
from carecoord.cli.screen import Screen
from carecoord.world import World

_SHOWN: Final = 20
_SAID: Final[dict[Kind, str]] = {
    "body": "its row and its JSON name another resource, version or time",
    "hash": "its mark of what it says is of something else",
    "compartment": "it is filed under another patient",
    "history": "a version of it is missing or doubled",
    "index": "search finds it by something else than it says",
    "directive": "whether it withholds anything is noted otherwise",
    "place": "where it stands is noted otherwise",
    "patient words": "the words by which the patient is found are others",
    "stray": "nothing is there of that number",
    "case": "its case, judged anew, is another",
    "case words": "the words by which its case is found are others",
    "case needs": "what its case leans on is noted otherwise",
    "authorization": "its row at the desks, made anew, is another",
    "authorization words": "whose it is at the desks, or by which words it is found, is noted otherwise",
    "claims": "its claims are counted otherwise than they stand",
    "unreadable": "its JSON can not be read",
}


def look(world: World, screen: Screen) -> tuple[str, bool]:
    """What is to be told of the whole database, and whether all of it is good."""
    looked = Looked()
    with screen.progress("looking at") as report:
        faults = walk(world, looked, report)
        first = list(islice(faults, _SHOWN))
        count = len(first) + sum(1 for _ in faults)
    behind = f", {looked.behind:,} of them wait to be judged anew" if looked.behind else ""
    whole = f"{looked.resources:,} resources and {looked.cases:,} cases were looked at{behind}"
    if not count:
        return f"{whole}; all that stands beside them says what they say", True
    listed = "; ".join(_lines(first))
    more = f"; and {count - len(first):,} more" if count > len(first) else ""
    faulty = "1 fault" if count == 1 else f"{count:,} faults"
    return f"{faulty}: {listed}{more}. {whole}. Put a backup from before beside it, or ask for help", False


def _lines(faults: list[Fault]) -> Iterator[str]:
    for fault in faults:
        yield f"{fault.of}{f' ({fault.where})' if fault.where else ''}: {_SAID[fault.kind]}"
