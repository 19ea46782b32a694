"""Files as themselves, by FHIR R4 binary.html#rest, and never as a page of ours."""

import base64
from collections.abc import Callable

import pytest

from tests.api.conftest import Api, issues

PDF = b"%PDF-1.7 \x00\xff not text"


def test_a_file_is_sent_and_fetched_as_itself(api: Api) -> None:
    made = api.post("/Binary", PDF, Content_Type="application/pdf", X_Security_Context="Patient/p")
    assert made.status_code == 201
    told = made.get_json()
    assert base64.b64decode(told["data"]) == PDF
    assert (told["contentType"], told["securityContext"]) == ("application/pdf", {"reference": "Patient/p"})
    read = api.get(f"/Binary/{told['id']}", Accept="application/pdf")
    assert (read.status_code, read.get_data(), read.content_type) == (200, PDF, "application/pdf")
    assert read.headers["Content-Disposition"] == "attachment"
    assert read.headers["X-Content-Type-Options"] == "nosniff"
    assert read.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert read.headers["X-Security-Context"] == "Patient/p"
    assert read.headers["ETag"] == 'W/"1"'
    assert api.get(f"/Binary/{told['id']}/_history/1", Accept="image/png").get_data() == PDF


@pytest.mark.parametrize("accept", [None, "application/fhir+json", "application/json", "*/*"])
def test_who_asks_for_fhir_gets_the_resource(api: Api, accept: str | None) -> None:
    id = api.post("/Binary", PDF, Content_Type="application/pdf").get_json()["id"]
    read = api.get(f"/Binary/{id}", **({"Accept": accept} if accept else {}))
    assert read.get_json()["resourceType"] == "Binary"


def test_a_file_is_replaced_by_put_under_its_address(api: Api) -> None:
    assert api.put("/Binary/b", b"one", Content_Type="text/plain; charset=utf-8").status_code == 201
    assert api.put("/Binary/b", b"two", Content_Type="text/plain; charset=utf-8", If_Match='W/"1"').status_code == 200
    read = api.get("/Binary/b", Accept="text/plain")
    assert (read.get_data(), read.content_type) == (b"two", "text/plain; charset=utf-8")
    assert api.put("/Binary/b", b"x", Content_Type="text/plain", If_Match='W/"1"').status_code == 412


def test_a_page_that_somebody_sent_is_saved_and_never_shown(api: Api) -> None:
    api.put("/Binary/b", b"<script>alert(1)</script>", Content_Type="text/html")
    read = api.get("/Binary/b", Accept="application/octet-stream")
    assert read.headers["Content-Disposition"] == "attachment"
    assert read.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_xml_of_fhir_and_other_types_are_refused_as_ever(api: Api) -> None:
    api.put("/Binary/b", b"one", Content_Type="text/plain")
    assert api.post("/Binary", b"<Binary/>", Content_Type="application/fhir+xml").status_code == 415
    assert api.get("/Binary/b", Accept="application/fhir+xml").status_code == 406
    assert api.get("/Binary/b?_format=xml", Accept="text/plain").status_code == 406
    assert api.get("/Patient/b", Accept="application/pdf").status_code == 406
    assert api.get("/Binary", Accept="application/pdf").status_code == 406
    assert api.post("/Patient", b"x", Content_Type="text/plain").status_code == 415
    bad = api.post("/Binary", b"x", Content_Type="spam")
    assert (bad.status_code, issues(bad)[0]["expression"]) == (400, ["http.Content-Type"])


def test_a_file_takes_the_access_that_its_resource_takes(api: Api, client: Callable[..., Api]) -> None:
    api.put("/Binary/b", b"one", Content_Type="text/plain")
    for scope, status in (("system/Patient.rs", 403), ("system/Binary.rs?_id=x", 404), ("system/Binary.r", 200)):
        assert client(scope).get("/Binary/b", Accept="text/plain").status_code == status, scope
    assert Api(api.http, None).get("/Binary/b", Accept="text/plain").status_code == 401
    assert client("system/Binary.rs").post("/Binary", b"x", Content_Type="text/plain").status_code == 403
    api.delete("/Binary/b")
    assert api.get("/Binary/b", Accept="text/plain").status_code == 410
