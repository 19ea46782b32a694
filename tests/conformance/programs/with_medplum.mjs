// npm @medplum/core, unchanged: the round of a client's day, each step by the library's own call.
globalThis.WebSocket ??= class {};  // Node 20 has none, and the library names it while it is loaded
const { MedplumClient } = await import("@medplum/core");

const { fhir, token } = JSON.parse(process.argv[2]);
const client = new MedplumClient({ baseUrl: fhir.replace(/fhir$/, ""), fhirUrlPath: "fhir", fetch, cacheTime: 0 });
client.setAccessToken(token);
const said = {};
const system = "urn:medplum";
const first = { resourceType: "Organization", name: "Med", identifier: [{ system, value: "1" }] };

const made = await client.createResource(first);
said.read = (await client.readResource("Organization", made.id)).name;
said.vread = (await client.readVersion("Organization", made.id, "1")).meta.versionId;
said.found = (await client.searchResources("Organization", { identifier: `${system}|1` })).map(one => one.id === made.id);
said.updated = (await client.updateResource({ ...made, name: "Med 2" })).meta.versionId;
said.sameOne = (await client.createResourceIfNoneExist(first, `identifier=${system}|1`)).id === made.id;
said.upserted = (await client.upsertResource({ ...first, name: "Med 3" }, { identifier: `${system}|1` })).meta.versionId;
said.patched = (await client.patchResource("Organization", made.id, [
  { op: "test", path: "/name", value: "Med 3" }, { op: "replace", path: "/name", value: "Med 4" },
])).name;
const done = await client.executeBatch({
  resourceType: "Bundle", type: "transaction",
  entry: [
    { fullUrl: "urn:uuid:6f0e4f0e-0d5b-4b64-8a0c-0a5a5f7f0011",
      resource: { resourceType: "Organization", name: "Parent" }, request: { method: "POST", url: "Organization" } },
    { resource: { resourceType: "Organization", name: "Child",
                  partOf: { reference: "urn:uuid:6f0e4f0e-0d5b-4b64-8a0c-0a5a5f7f0011" } },
      request: { method: "POST", url: "Organization" } },
  ],
});
said.transaction = done.entry.map(entry => entry.response.status.slice(0, 3));
said.history = (await client.readHistory("Organization", made.id)).entry.length;
said.validated = (await client.validateResource(first)).issue.map(issue => issue.severity);
const patient = await client.createResource({ resourceType: "Patient", name: [{ family: "Med" }] });
await client.createResource({ resourceType: "Observation", status: "final", code: { text: "K" },
                              subject: { reference: `Patient/${patient.id}` } });
said.everything = (await client.readPatientEverything(patient.id)).entry.map(entry => entry.resource.resourceType);
const file = await client.createBinary({ data: "a file", contentType: "text/plain" });
said.file = file.contentType;
said.fetched = await (await client.download(client.fhirUrl("Binary", file.id), { headers: { Accept: "text/plain" } })).text();
await client.deleteResource("Organization", made.id);
said.gone = await client.readResource("Organization", made.id).then(() => "there", error => error.outcome.issue[0].code);
console.log(JSON.stringify(said));
