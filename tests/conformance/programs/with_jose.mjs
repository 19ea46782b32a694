// npm jose, unchanged: sign a client assertion, get a token with it, read with the token; verify an id_token by our JWKS.
import { createRemoteJWKSet, importJWK, jwtVerify, SignJWT } from "jose";

const { base, fhir, keys, idToken, audience } = JSON.parse(process.argv[2]);
const told = await (await fetch(`${fhir}/.well-known/smart-configuration`)).json();
const said = {};

for (const [alg, jwk] of Object.entries(keys)) {
  const assertion = await new SignJWT({})
    .setProtectedHeader({ alg, typ: "JWT", kid: jwk.kid })
    .setIssuer("loader").setSubject("loader").setAudience(told.token_endpoint)
    .setJti(crypto.randomUUID()).setIssuedAt().setExpirationTime("4m")
    .sign(await importJWK(jwk, alg));
  const body = new URLSearchParams({
    grant_type: "client_credentials", scope: "system/Patient.rs", client_assertion: assertion,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  });
  const token = await (await fetch(told.token_endpoint, { method: "POST", body })).json();
  const headers = { Authorization: `Bearer ${token.access_token}` };
  const patient = await (await fetch(`${fhir}/Patient/okafor`, { headers })).json();
  said[alg] = { scope: token.scope, patient: patient.id };
}

const provider = await (await fetch(`${told.issuer}/.well-known/openid-configuration`)).json();
const set = createRemoteJWKSet(new URL(provider.jwks_uri));
const { payload, protectedHeader } = await jwtVerify(idToken, set, { issuer: base, audience, algorithms: ["RS256"] });
said.idToken = { alg: protectedHeader.alg, fhirUser: payload.fhirUser };
const [head, body, signature] = idToken.split(".");
const forged = Buffer.from(JSON.stringify({ ...payload, sub: "somebody-else" })).toString("base64url");
said.forged = await jwtVerify(`${head}.${forged}.${signature}`, set, { issuer: base }).then(() => "accepted", error => error.code);
console.log(JSON.stringify(said));
