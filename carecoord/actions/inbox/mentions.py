"""The names in notes kept at hand, in the transaction that writes a note: who is named has it before them until they
have taken it up."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from sqlalchemy import Connection

from carecoord.domain.contacts.mentions import open_for
from carecoord.domain.referrals.case import case_id
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import item, items, target, text
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.inbox import mentions
from carecoord.store.resources.write import Touched


def note(conn: Connection, touched: Sequence[Touched], now: datetime, zone: tzinfo) -> None:
    """Keep the list of open names true."""
    talks = {each.rid: each for each in touched if each.type == "Communication"}
    named = {rid: each for rid, each in talks.items() if b'"recipient"' in each.before or b'"recipient"' in each.after}
    rows = []
    for rid, each in named.items():
        talk = json.loads(each.after) if each.after else {}
        kind, _, id = next((target(order) for order in items(talk, "basedOn")), "").partition("/")
        at = moment(text(talk, "sent"), zone) or now
        by = text(item(talk, "sender"), "display")
        about = {"rid": rid, "id": each.id, "case_id": case_id({"resourceType": kind, "id": id}), "at": micros(at)}
        rows += [{**about, "person": person, "by": by} for person in dict.fromkeys(open_for(talk)) if id]
    if named:
        mentions.keep(conn, list(named), rows)
