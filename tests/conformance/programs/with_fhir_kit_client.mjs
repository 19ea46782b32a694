// npm fhir-kit-client, unchanged: SMART metadata, read, search with paging, create, transaction, and a refusal.
import { Client } from "fhir-kit-client";

const { fhir, token } = JSON.parse(process.argv[2]);
const client = new Client({ baseUrl: fhir, bearerToken: token });
const said = {};

const smart = await client.smartAuthMetadata();
said.smart = { authorize: String(smart.authorizeUrl), token: String(smart.tokenUrl) };
said.read = (await client.read({ resourceType: "Patient", id: "okafor" })).id;

const ids = [];
let page = await client.search({ resourceType: "Observation", searchParams: { patient: "lindqvist", _count: "7" } });
said.pages = 0;
while (page) {
  said.pages += 1;
  ids.push(...(page.entry ?? []).map(entry => entry.resource.id));
  page = await client.nextPage({ bundle: page });
}
said.found = ids.sort();

const made = await client.create({ resourceType: "Organization", body: { resourceType: "Organization", name: "Kit" } });
said.created = (await client.read({ resourceType: "Organization", id: made.id })).name;
const changed = await client.update({ resourceType: "Organization", id: made.id, body: { ...made, name: "Kit 2" } });
said.version = changed.meta.versionId;
const done = await client.transaction({ body: {
  resourceType: "Bundle", type: "transaction",
  entry: [
    { fullUrl: "urn:uuid:6f0e4f0e-0d5b-4b64-8a0c-0a5a5f7f0001",
      resource: { resourceType: "Organization", name: "Parent" }, request: { method: "POST", url: "Organization" } },
    { resource: { resourceType: "Organization", name: "Child",
                  partOf: { reference: "urn:uuid:6f0e4f0e-0d5b-4b64-8a0c-0a5a5f7f0001" } },
      request: { method: "POST", url: "Organization" } },
  ],
} });
said.transaction = done.entry.map(entry => entry.response.status.slice(0, 3));
client.bearerToken = "made-up";
said.refused = await client.read({ resourceType: "Patient", id: "okafor" }).then(() => 200, error => error.response?.status);
console.log(JSON.stringify(said));
