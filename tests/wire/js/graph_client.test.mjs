// @microsoft/microsoft-graph-client, unmodified, through https and the embedded issuer.
import assert from "node:assert/strict";
import { test } from "node:test";

import { BatchRequestContent, BatchResponseContent, Client, PageIterator } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

import {
  NOBODY,
  WOODGROVE,
  credential,
  documentedPartner,
  faulty,
  freshTenant,
  injectFaults,
  numbered,
  requestsSeen,
  server,
} from "./support.mjs";

const POLICY = "/policies/crossTenantAccessPolicy";
const PARTNERS = `${POLICY}/partners`;
const PARTNER_TEMPLATE = `${POLICY}/templates/multiTenantOrganizationPartnerConfiguration`;

const client = (tenant = freshTenant(), { address = server, ...options } = {}) =>
  Client.initWithMiddleware({
    baseUrl: `${address}/`,
    customHosts: new Set(["localhost"]),
    authProvider: new TokenCredentialAuthenticationProvider(credential(tenant, options), {
      scopes: ["https://localhost/.default"],
    }),
  });

const refused = async (request) => {
  try {
    await request;
  } catch (error) {
    return error;
  }
  return assert.fail("the request was accepted");
};

test("a partner is created, read, changed and deleted", async () => {
  const graph = client();
  const created = await graph.api(PARTNERS).post(documentedPartner());
  assert.equal(created.tenantId, WOODGROVE);
  assert.equal(created.b2bDirectConnectOutbound.usersAndGroups.accessType, "blocked");
  assert.equal(created.inboundTrust, null);
  const trust = { isMfaAccepted: true, isCompliantDeviceAccepted: true, isHybridAzureADJoinedDeviceAccepted: true };
  await graph.api(`${PARTNERS}/${WOODGROVE}`).patch({ inboundTrust: trust });
  const read = await graph.api(`${PARTNERS}/${WOODGROVE}`).get();
  assert.deepEqual(read.inboundTrust, trust);
  assert.deepEqual(read.b2bDirectConnectInbound, created.b2bDirectConnectInbound);
  await graph.api(`${PARTNERS}/${WOODGROVE}`).delete();
  assert.equal((await refused(graph.api(`${PARTNERS}/${WOODGROVE}`).get())).statusCode, 404);
});

test("null makes a setting inherited again", async () => {
  const graph = client();
  await graph.api(PARTNERS).post({ tenantId: WOODGROVE, inboundTrust: { isMfaAccepted: true } });
  await graph.api(`${PARTNERS}/${WOODGROVE}`).patch({ inboundTrust: null });
  assert.equal((await graph.api(`${PARTNERS}/${WOODGROVE}`).get()).inboundTrust, null);
});

test("the default is changed as documented and reset", async () => {
  const graph = client();
  const redemption = {
    primaryIdentityProviderPrecedenceOrder: ["externalFederation", "azureActiveDirectory", "socialIdentityProviders"],
    fallbackIdentityProvider: "defaultConfiguredIdp",
  };
  await graph.api(`${POLICY}/default`).patch({ invitationRedemptionIdentityProviderConfiguration: redemption });
  const read = await graph.api(`${POLICY}/default`).get();
  assert.equal(read.isServiceDefault, false);
  assert.deepEqual(read.invitationRedemptionIdentityProviderConfiguration, redemption);
  await graph.api(`${POLICY}/default/resetToSystemDefault`).post(null); // this client sends a body of 'null' then
  assert.equal((await graph.api(`${POLICY}/default`).get()).isServiceDefault, true);
});

test("an action without body resets too", async () => {
  const graph = client();
  await graph.api(`${POLICY}/default`).patch({ inboundTrust: { isMfaAccepted: true } });
  await graph.api(`${POLICY}/default/resetToSystemDefault`).post();
  assert.equal((await graph.api(`${POLICY}/default`).get()).inboundTrust.isMfaAccepted, false);
});

test("the partner template is changed as documented and reset", async () => {
  const graph = client();
  await graph.api(PARTNER_TEMPLATE).patch({
    inboundTrust: { isMfaAccepted: true, isCompliantDeviceAccepted: true, isHybridAzureADJoinedDeviceAccepted: true },
    automaticUserConsentSettings: { inboundAllowed: true, outboundAllowed: true },
    templateApplicationLevel: "newPartners",
  });
  const read = await graph.api(PARTNER_TEMPLATE).get();
  assert.equal(read.templateApplicationLevel, "newPartners");
  assert.equal(read.automaticUserConsentSettings.outboundAllowed, true);
  await graph.api(`${PARTNER_TEMPLATE}/resetToDefaultSettings`).post();
  assert.equal((await graph.api(PARTNER_TEMPLATE).get()).templateApplicationLevel, "newPartners,existingPartners");
});

test("a list is filtered, selected, expanded and counted", async () => {
  const graph = client();
  for (let number = 0; number < 7; number += 1) await graph.api(PARTNERS).post({ tenantId: numbered(number) });
  await graph.api(`${PARTNERS}/${numbered(3)}`).patch({ automaticUserConsentSettings: { inboundAllowed: true } });
  await graph
    .api(`${PARTNERS}/${numbered(3)}/identitySynchronization`)
    .put({ displayName: "Fabrikam", userSyncInbound: { isSyncAllowed: true } });
  const found = await graph
    .api(PARTNERS)
    .filter(`tenantId eq '${numbered(3)}'`)
    .select(["tenantId"])
    .expand("identitySynchronization")
    .count(true)
    .get();
  assert.equal(found["@odata.count"], 1);
  assert.deepEqual(Object.keys(found.value[0]).sort(), ["identitySynchronization", "tenantId"]);
  assert.equal(found.value[0].identitySynchronization.displayName, "Fabrikam");
  assert.equal((await graph.api(PARTNERS).top(5).get()).value.length, 5);
  assert.equal(await graph.api(`${PARTNERS}/$count`).get(), "7");
});

test("the page iterator sees every partner once", async () => {
  const graph = client();
  const expected = Array.from({ length: 130 }, (_, number) => numbered(number));
  for (const tenantId of expected) await graph.api(PARTNERS).post({ tenantId });
  const first = await graph.api(PARTNERS).get();
  assert.ok(first.value.length < expected.length);
  const seen = [];
  await new PageIterator(graph, first, (partner) => seen.push(partner.tenantId) > 0).iterate();
  assert.deepEqual(seen, expected);
});

test("errors have status, code, message and ids", async () => {
  const graph = client();
  await graph.api(PARTNERS).post({ tenantId: WOODGROVE });
  const missing = await refused(graph.api(`${PARTNERS}/${NOBODY}`).get());
  assert.equal(missing.statusCode, 404);
  assert.equal(missing.code, "Request_ResourceNotFound");
  assert.match(missing.message, new RegExp(NOBODY));
  assert.match(missing.requestId, /^[0-9a-f-]{36}$/);
  const twice = await refused(graph.api(PARTNERS).post({ tenantId: WOODGROVE }));
  assert.equal(twice.statusCode, 409);
  assert.equal(twice.code, "Request_MultipleObjectsWithSameKeyValue");
  const misspelt = await refused(graph.api(`${PARTNERS}/${WOODGROVE}`).patch({ b2BCollaborationInbound: {} }));
  assert.equal(misspelt.statusCode, 400);
  assert.match(misspelt.message, /Invalid property 'b2BCollaborationInbound'/);
});

test("an application that may only read is forbidden to write", async () => {
  const error = await refused(client(freshTenant(), { clientId: "wire-reader" }).api(PARTNERS).post(documentedPartner()));
  assert.equal(error.statusCode, 403);
  assert.equal(error.code, "Authorization_RequestDenied");
});

test("a wrong secret is refused in the words of Entra", async () => {
  const error = await refused(client(freshTenant(), { secret: "wrong" }).api(POLICY).get());
  assert.match(error.message, /AADSTS7000215/);
});

test("the client's own id comes back", async () => {
  const graph = client(freshTenant(), { address: faulty });
  const error = await refused(graph.api(`${PARTNERS}/${NOBODY}`).get());
  const sent = (await requestsSeen()).at(-1).headers["client-request-id"];
  assert.match(sent, /^[0-9a-f-]{36}$/);
  assert.equal(JSON.parse(error.body).innerError["client-request-id"], sent);
});

const createAnsweredFirstWith = async (status) => {
  const graph = client(freshTenant(), { address: faulty });
  await injectFaults({ status, retry_after: 1 });
  const started = performance.now();
  const created = await graph.api(PARTNERS).post(documentedPartner());
  assert.equal(created.tenantId, WOODGROVE);
  assert.ok(performance.now() - started >= 990);
  assert.equal((await requestsSeen()).at(-1).headers["retry-attempt"], "1");
};

test("a create that is answered 429 is retried after the time that was asked for", () => createAnsweredFirstWith(429));

test("a create that is answered 503 is retried after the time that was asked for", () => createAnsweredFirstWith(503));

test("a create whose answer was lost ends well when it is retried", async () => {
  const graph = client(freshTenant(), { address: faulty });
  await injectFaults({ status: 503, retry_after: 1, applied: true });
  assert.equal((await graph.api(PARTNERS).post(documentedPartner())).tenantId, WOODGROVE);
  assert.equal((await graph.api(PARTNERS).get()).value.length, 1);
});

test("beta is another version of the same partners", async () => {
  const graph = client();
  await graph.api(PARTNERS).version("beta").post(documentedPartner());
  assert.ok("deletedDateTime" in (await graph.api(`${PARTNERS}/${WOODGROVE}`).version("beta").get()));
  assert.ok(!("deletedDateTime" in (await graph.api(`${PARTNERS}/${WOODGROVE}`).get())));
});

test("a partner is addressed by its key in every way that the documentation writes", async () => {
  const graph = client();
  await graph.api(PARTNERS).post({ tenantId: WOODGROVE });
  for (const path of [`${PARTNERS}/${WOODGROVE}`, `${PARTNERS}('${WOODGROVE}')`, `${PARTNERS}(tenantId='${WOODGROVE}')`])
    assert.equal((await graph.api(path).get()).tenantId, WOODGROVE);
});

test("a host that is not named gets no token, and the answer says so", async () => {
  const authProvider = new TokenCredentialAuthenticationProvider(credential(freshTenant()), {
    scopes: ["https://localhost/.default"],
  });
  const withPort = new Set([new URL(server).host]); // customHosts are names without port
  const error = await refused(
    Client.initWithMiddleware({ baseUrl: `${server}/`, customHosts: withPort, authProvider }).api(POLICY).get(),
  );
  assert.equal(error.statusCode, 401);
  assert.equal(error.code, "InvalidAuthenticationToken");
  assert.equal(error.message, "Access token is empty.");
});

const inBatch = async (graph, ...steps) => {
  const step = ({ id, path, dependsOn, ...init }) => {
    const headers = init.body ? { "content-type": "application/json" } : {};
    return { id, dependsOn, request: new Request(`${server}/v1.0${path}`, { headers, ...init }) };
  };
  const content = await new BatchRequestContent(steps.map(step)).getContent();
  return new BatchResponseContent(await graph.api("/$batch").post(content));
};

test("a batch creates, changes and reads in order", async () => {
  const graph = client();
  const one = `${PARTNERS}/${WOODGROVE}`;
  const change = JSON.stringify({ inboundTrust: { isMfaAccepted: true } });
  const answers = await inBatch(
    graph,
    { id: "create", path: PARTNERS, method: "POST", body: JSON.stringify(documentedPartner()) },
    { id: "change", path: one, method: "PATCH", body: change, dependsOn: ["create"] },
    { id: "read", path: `${one}?$select=inboundTrust`, dependsOn: ["change"] },
  );
  assert.equal(answers.getResponseById("create").status, 201);
  assert.equal((await answers.getResponseById("create").json()).tenantId, WOODGROVE);
  assert.equal(answers.getResponseById("change").status, 204);
  assert.equal((await answers.getResponseById("read").json()).inboundTrust.isMfaAccepted, true);
});

test("a part of a batch that depends on a failed one is not tried", async () => {
  const graph = client();
  const answers = await inBatch(
    graph,
    { id: "missing", path: `${PARTNERS}/${NOBODY}` },
    { id: "create", path: PARTNERS, method: "POST", body: JSON.stringify(documentedPartner()), dependsOn: ["missing"] },
  );
  assert.equal((await answers.getResponseById("missing").json()).error.code, "Request_ResourceNotFound");
  assert.equal(answers.getResponseById("create").status, 424);
  assert.equal((await answers.getResponseById("create").json()).error.code, "FailedDependency");
  assert.deepEqual((await graph.api(PARTNERS).get()).value, []);
});

test("a batch that is refused as a whole is a GraphError", async () => {
  const error = await refused(client().api("/$batch").post({ requests: [] }));
  assert.equal(error.statusCode, 400);
  assert.match(error.message, /Invalid batch payload format/);
});

test("a batch that is throttled is sent again as a whole", async () => {
  const graph = client(freshTenant(), { address: faulty });
  await injectFaults({ status: 429, retry_after: 1 });
  const answers = await inBatch(
    graph,
    { id: "create", path: PARTNERS, method: "POST", body: JSON.stringify(documentedPartner()) },
    { id: "read", path: `${PARTNERS}/${WOODGROVE}`, dependsOn: ["create"] },
  );
  assert.equal(answers.getResponseById("create").status, 201);
  assert.equal((await answers.getResponseById("read").json()).tenantId, WOODGROVE);
  const sent = (await requestsSeen()).filter(({ path }) => path === "/v1.0/$batch").slice(-2);
  assert.deepEqual(sent.map(({ headers }) => headers["retry-attempt"]), [undefined, "1"]);
  assert.equal(sent[0].body, sent[1].body);
});
