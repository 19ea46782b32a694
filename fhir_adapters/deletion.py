"""What a full sweep did not find: is it gone, or was it only skipped? Each is asked for by its id before it counts.

Paging by offset skips when something changes meanwhile, a registration that lost a scope answers searches with nothing,
and restricted records are hidden from searches: none of these is a deletion.
"""

from typing import Literal
from urllib.parse import quote

import msgspec

from fhir_adapters.errors import Refused
from fhir_adapters.http import Http, Params
from fhir_adapters.pages import Bundle, Found, Read, leaf_of, updated
from fhir_adapters.plan import Job

GONE_STATUS = (404, 410)

Verdict = Literal["gone", "untold"]


def ask(http: Http, job: Job, id: str, tenancy: Params, read: Read) -> Found | Verdict:
    """The resource if it is there after all; "gone"; or "untold" when the EHR will not say or shows no such resource.

    Raises what Http raises, but for a refusal of this one resource.
    """
    try:
        return (
            _by_read(http, job, id, tenancy, read)
            if job.confirm == "read"
            else _by_search(http, job, id, tenancy, read)
        )
    except Refused as refused:
        if refused.stops_run:
            raise
        return "gone" if refused.status in GONE_STATUS else "untold"


def _by_read(http: Http, job: Job, id: str, tenancy: Params, read: Read) -> Found | Verdict:
    address = f"{http.ehr.base_url}/{job.type}/{quote(id, safe='')}"
    try:
        resource = read(bytes(http.get(address, msgspec.Raw, tenancy).document))
    except ValueError:
        return "untold"
    same = resource.get("resourceType") == job.type and resource.get("id") == id
    return Found(id, updated(resource), resource) if same else "untold"


def _by_search(http: Http, job: Job, id: str, tenancy: Params, read: Read) -> Found | Verdict:
    answer = http.get(f"{http.ehr.base_url}/{job.type}", Bundle, [("_id", id), *tenancy])
    leaf = leaf_of(answer, job.type, read)
    if leaf.notices:
        return "untold"
    return next((one for one in leaf.found if one.id == id), "gone")
