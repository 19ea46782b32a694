"""Does an approved line cover the visit: performer, site, date and units left (units = authorized - booked - used)?

Each mismatch is a denial cause of its own (CARC 197, 198), so each has its own sentence."""

from datetime import date

from carecoord.domain.calendar import counted, spoken
from carecoord.domain.gate import Action, Gate
from carecoord.domain.lines import Line
from carecoord.domain.prior_auth import Request
from carecoord.domain.requirement import Requirement
from carecoord.domain.ruling import CALL, Matter, Ruling, verdict
from carecoord.domain.visits import Visits


def granted(line: Line, request: Request, matter: Matter, need: Requirement) -> Ruling:
    """An approved line: met when every check passes, else open with the sentence of the first that does not."""
    left = units_left(line, matter.visits, matter.day)
    for check in CHECKS:
        if found := check(line, matter, left):
            gate, note = found
            over = line.days.end is not None and line.days.end <= matter.now.astimezone(matter.policy.zone).date()
            chip = "expired" if gate.rule == "authorization.dates" and over else _chip(line)
            return Ruling(gate, chip, note, line, request, need, left)
    number = f" {line.number}" if line.number else ""
    until = f", until {spoken(line.days.last)}" if line.days.end else ""
    words = {"partly": "approved in part", "modified": "approved with changes"}.get(line.state, "approved")
    gate = verdict("met", f"Authorization{number} is {words}{until}.", "approved", line.evidence)
    return Ruling(gate, _chip(line), _left(line, left), line, request, need, left)


def _chip(line: Line) -> str:
    return "approved" if line.state == "approved" else "partly"


def _left(line: Line, left: float | None) -> str:
    if left is not None and line.units is not None and line.units > 1:
        return f"{max(left, 0):g} of {line.units:g} visits left"
    return f"Until {spoken(line.days.last)}" if line.days.end else ""


def units_left(line: Line, visits: Visits, day: date) -> float | None:
    """Authorized minus used minus booked, within the line's days; a visit on `day` that is not booked yet is not taken
    off. None when units are not counted."""
    if line.units is None:
        return None
    used = sum(1 for visit in visits.done if line.days.holds(visit.day))
    booked = sum(1 for each in visits.open if each.day and line.days.holds(each.day))
    return line.units - used - booked


Found = tuple[Gate, str] | None


def _part(line: Line, matter: Matter, left: float | None) -> Found:
    if line.state != "partly" or line.units is not None:
        return None
    reason = "The payer approved a part without saying how much."
    return verdict("unknown", reason, "part-unclear", line.evidence, CALL, "coordinator", label="Call the payer"), ""


def _performer(line: Line, matter: Matter, left: float | None) -> Found:
    who = matter.referral.performer
    if line.provider is None or who is None:
        return None
    if line.provider.same(who.organization) or line.provider.same(who.practitioner):
        return None
    reason = f"The approval names {line.provider.name}; the referral is with {who.name}: ask the payer to change it."
    action = Action("change-provider", "Ask the payer to change the performer")
    return verdict(
        "open", reason, "performer", (*line.evidence, who.evidence), action, "coordinator", label="Change performer"
    ), f"Names {line.provider.name}"


def _site(line: Line, matter: Matter, left: float | None) -> Found:
    site = matter.site
    if line.site is None or site is None or line.site.same(site):
        return None
    reason = f"The approval is for {line.site.name}; the visit is at {site.name}: ask the payer to change it."
    action = Action("change-provider", "Ask the payer to change the site")
    return verdict(
        "open", reason, "site", (*line.evidence, *matter.visit), action, "coordinator", label="Change site"
    ), f"For {line.site.name}"


def _dates(line: Line, matter: Matter, left: float | None) -> Found:
    if line.days.holds(matter.day):
        return None
    last, start = line.days.last, line.days.start
    n = counted(abs((matter.day - (last if last and matter.day > last else start or matter.day)).days), "day")
    if not matter.settled:
        over = bool(last and matter.day > last)
        reason = (
            f"The approval ended on {spoken(last)}: extend it."
            if over
            else f"The approval starts on {spoken(start)} only."
        )
        note = f"Ended {spoken(last)}" if over else f"From {spoken(start)}"
    elif last and matter.day > last:
        reason, note = f"Visit is {n} past the approval: extend or move.", f"Visit {n} past it"
    else:
        reason, note = (
            f"Visit is {n} before the approval starts: move it, or ask for an earlier start.",
            f"Visit {n} before it",
        )
    action = Action("extend-authorization", "Extend the approval")
    return verdict(
        "open", reason, "dates", (*line.evidence, *matter.visit), action, "coordinator", label="Extend approval"
    ), note


def _units(line: Line, matter: Matter, left: float | None) -> Found:
    booked = any(each.day == matter.day for each in matter.visits.open) or any(
        v.day == matter.day for v in matter.visits.done
    )
    if left is None or line.units is None or left >= (0 if booked else 1):
        return None
    over = f", {counted(int(-left), 'more')} than allowed" if left < 0 else ""
    reason = f"All {line.units:g} authorized visits are used or booked{over}: ask for more before booking another."
    action = Action("extend-authorization", "Ask for more visits")
    return verdict(
        "open", reason, "units", (*line.evidence, *matter.visit), action, "coordinator", label="Ask for more visits"
    ), _left(line, left)


CHECKS = (_part, _performer, _site, _dates, _units)
