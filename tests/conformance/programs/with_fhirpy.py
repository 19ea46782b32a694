"""PyPI fhirpy, unchanged: the round of a client's day, each step by the library's own call."""

import json
import sys
from typing import Any

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import ResourceNotFound

told = json.loads(sys.argv[1])
key = {"authorization": f"Bearer {told['token']}", "requests_config": {"verify": told["ca"]}}
client = SyncFHIRClient(told["fhir"], **key)
said: dict[str, Any] = {}
same = {"identifier": "urn:fhirpy|1"}
first = {"name": "Py", "identifier": [{"system": "urn:fhirpy", "value": "1"}]}
organizations = client.resources("Organization")

made = client.resource("Organization", **first)
made.save()
said["read"] = client.reference("Organization", made.id).to_resource()["name"]
said["vread"] = client.execute(f"Organization/{made.id}/_history/1", "get")["meta"]["versionId"]
said["found"] = [one.id == made.id for one in organizations.search(**same).fetch_all()]
careful = SyncFHIRClient(told["fhir"], extra_headers={"If-Match": 'W/"1"'}, **key)
changed = careful.resource("Organization", id=made.id, **{**first, "name": "Py 2"})
changed.save()
said["updated"] = changed["meta"]["versionId"]
found, created = organizations.search(**same).get_or_create(client.resource("Organization", **first))
said["get_or_create"] = [found.id == made.id, created]
found, created = organizations.search(**same).update(client.resource("Organization", **{**first, "name": "Py 3"}))
said["conditional_update"] = [found.id == made.id, found["name"], created]
steps = [{"op": "test", "path": "/name", "value": "Py 3"}, {"op": "replace", "path": "/name", "value": "Py 4"}]
said["patched"] = client.execute(f"Organization/{made.id}", "patch", data=steps)["name"]
parent = "urn:uuid:6f0e4f0e-0d5b-4b64-8a0c-0a5a5f7f0021"
done = client.execute(
    "",
    "post",
    data={
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": parent,
                "resource": {"resourceType": "Organization", "name": "Parent"},
                "request": {"method": "POST", "url": "Organization"},
            },
            {
                "resource": {"resourceType": "Organization", "name": "Child", "partOf": {"reference": parent}},
                "request": {"method": "POST", "url": "Organization"},
            },
        ],
    },
)
said["transaction"] = [entry["response"]["status"][:3] for entry in done["entry"]]
said["history"] = len(client.execute(f"Organization/{made.id}/_history", "get")["entry"])
said["validated"] = client.resource("Organization", **first).is_valid()
patient = client.resource("Patient", name=[{"family": "Py"}])
patient.save()
record = client.execute(f"Patient/{patient.id}/$everything", "get")
said["everything"] = record["entry"][0]["resource"]["id"] == patient.id
said["conditional_delete"] = organizations.search(**same).delete()[1]
try:
    client.reference("Organization", made.id).to_resource()
except ResourceNotFound:
    said["gone"] = True
patient.delete()
print(json.dumps(said))  # noqa: T201
