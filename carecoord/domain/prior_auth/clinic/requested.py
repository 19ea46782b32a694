"""A request for authorization whose order is not here: the order that it would be for, so that the same gates judge it.
It is never stored. Pure."""

from carecoord.domain.prior_auth.decisions import team
from carecoord.domain.resource.elements import Json, item, items, target, text


def order(claim: Json) -> Json:
    """What a request asks for first, as an order: of its provider, by whom its care team names."""
    line = next(iter(items(claim, "item")), {})
    doers = team(claim, line)
    period = item(line, "servicedPeriod")
    day = text(line, "servicedDate")
    return {
        "resourceType": "ServiceRequest",
        "id": f"of-{text(claim, 'id')}",
        "meta": {"versionId": "0"},
        "status": "active",
        "intent": "order",
        "subject": {"reference": target(item(claim, "patient"))},
        "code": item(line, "productOrService"),
        "requester": item(claim, "provider"),
        **({"performer": doers[:1]} if doers else {}),
        **({"occurrencePeriod": period} if period else {"occurrenceDateTime": day} if day else {}),
    }


def naming(claim: Json, order: Json) -> Json:
    """The request as it names that order."""
    return claim | {"referral": {"reference": f"ServiceRequest/{order['id']}"}}
