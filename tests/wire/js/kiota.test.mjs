// @microsoft/msgraph-sdk (Kiota), unmodified: it has no path to policies on npm, so requests are built from its models.
import assert from "node:assert/strict";
import { test } from "node:test";

import { HttpMethod, RequestInformation } from "@microsoft/kiota-abstractions";
import { AzureIdentityAuthenticationProvider } from "@microsoft/kiota-authentication-azure";
import { GraphRequestAdapter } from "@microsoft/msgraph-sdk";
import {
  createCrossTenantAccessPolicyConfigurationPartnerCollectionResponseFromDiscriminatorValue as parseList,
  createCrossTenantAccessPolicyConfigurationPartnerFromDiscriminatorValue as parsePartner,
  createMultiTenantOrganizationPartnerConfigurationTemplateFromDiscriminatorValue as parseTemplate,
  serializeCrossTenantAccessPolicyConfigurationPartner as writePartner,
  serializeMultiTenantOrganizationPartnerConfigurationTemplate as writeTemplate,
} from "@microsoft/msgraph-sdk/models/index.js";
import { createODataErrorFromDiscriminatorValue as parseError } from "@microsoft/msgraph-sdk/models/oDataErrors/index.js";
import { BatchRequestContent, BatchRequestContentCollection, PageIterator } from "@microsoft/msgraph-sdk-core";

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

const ERRORS = { XXX: parseError };

const adapter = (tenant = freshTenant(), address = server) => {
  const hosts = new Set(["localhost"]);
  const scopes = ["https://localhost/.default"];
  const made = new GraphRequestAdapter(
    new AzureIdentityAuthenticationProvider(credential(tenant), scopes, undefined, hosts),
  );
  made.baseUrl = `${address}/v1.0`;
  return made;
};

const request = (graph, method, path, body, write = writePartner) => {
  const template = `{+baseurl}/policies/crossTenantAccessPolicy${path}`;
  const made = new RequestInformation(method, template, { baseurl: graph.baseUrl });
  made.headers.add("Accept", "application/json");
  if (body) made.setContentFromParsable(graph, "application/json", body, write);
  return made;
};

const create = (graph, body) => graph.send(request(graph, HttpMethod.POST, "/partners", body), parsePartner, ERRORS);
const read = (graph, id) => graph.send(request(graph, HttpMethod.GET, `/partners/${id}`), parsePartner, ERRORS);
const update = (graph, id, body) =>
  graph.sendNoResponseContent(request(graph, HttpMethod.PATCH, `/partners/${id}`, body), ERRORS);
const raw = async (graph, id) => {
  const bytes = await graph.sendPrimitive(request(graph, HttpMethod.GET, `/partners/${id}`), "ArrayBuffer", ERRORS);
  return JSON.parse(new TextDecoder().decode(bytes));
};

test("a partner is created and read as a model", async () => {
  const graph = adapter();
  const created = await create(graph, documentedPartner());
  assert.equal(created.tenantId, WOODGROVE);
  assert.equal(created.b2bDirectConnectOutbound.usersAndGroups.accessType, "blocked");
  const again = await read(graph, WOODGROVE);
  assert.equal(again.b2bDirectConnectInbound.applications.targets[0].target, "Office365");
});

test("what was read can be sent back and changes nothing", async () => {
  const graph = adapter(freshTenant(), faulty);
  await create(graph, { ...documentedPartner(), inboundTrust: { isMfaAccepted: true } });
  const before = await raw(graph, WOODGROVE);
  assert.equal(before.b2bCollaborationInbound, null);
  const fetched = await read(graph, WOODGROVE);
  await update(graph, WOODGROVE, fetched);
  const sent = JSON.parse((await requestsSeen()).at(-1).body);
  assert.deepEqual(sent.b2bCollaborationInbound, {}, "the SDK sends {} for the null that it read");
  assert.deepEqual(await raw(graph, WOODGROVE), before);
});

test("an empty object resets nothing", async () => {
  const graph = adapter(freshTenant(), faulty);
  await create(graph, { tenantId: WOODGROVE, inboundTrust: { isMfaAccepted: true } });
  await update(graph, WOODGROVE, { inboundTrust: {} });
  const sent = (await requestsSeen()).at(-1);
  assert.deepEqual([sent.method, sent.body], ["PATCH", '{"inboundTrust":{}}']);
  assert.equal((await read(graph, WOODGROVE)).inboundTrust.isMfaAccepted, true);
});

test("null makes a setting inherited again", async () => {
  const graph = adapter();
  await create(graph, { tenantId: WOODGROVE, inboundTrust: { isMfaAccepted: true } });
  await update(graph, WOODGROVE, { inboundTrust: null });
  assert.equal((await raw(graph, WOODGROVE)).inboundTrust, null);
});

test("both levels of a template arrive", async () => {
  const graph = adapter();
  const path = "/templates/multiTenantOrganizationPartnerConfiguration";
  const patch = (body) => graph.sendNoResponseContent(request(graph, HttpMethod.PATCH, path, body, writeTemplate), ERRORS);
  const level = async () => {
    const bytes = await graph.sendPrimitive(request(graph, HttpMethod.GET, path), "ArrayBuffer", ERRORS);
    return JSON.parse(new TextDecoder().decode(bytes)).templateApplicationLevel;
  };
  await patch({ templateApplicationLevel: ["newPartners"] });
  assert.equal(await level(), "newPartners");
  await patch({ templateApplicationLevel: ["newPartners", "existingPartners"], inboundTrust: { isMfaAccepted: true } });
  assert.equal(await level(), "newPartners,existingPartners");
  const template = await graph.send(request(graph, HttpMethod.GET, path), parseTemplate, ERRORS);
  assert.equal(template.inboundTrust.isMfaAccepted, true);
});

test("the page iterator sees every partner once", async () => {
  const graph = adapter();
  const expected = Array.from({ length: 103 }, (_, number) => numbered(number));
  for (const tenantId of expected) await create(graph, { tenantId });
  const first = await graph.send(request(graph, HttpMethod.GET, "/partners"), parseList, ERRORS);
  assert.ok(first.value.length < expected.length);
  const seen = [];
  await new PageIterator(graph, first, (partner) => seen.push(partner.tenantId) > 0, parseList, ERRORS).iterate();
  assert.deepEqual(seen, expected);
});

test("an error is an ODataError with status and code", async () => {
  await assert.rejects(read(adapter(), NOBODY), (error) => {
    assert.equal(error.responseStatusCode, 404);
    assert.equal(error.errorEscaped.code, "Request_ResourceNotFound");
    return true;
  });
});

test("a throttled create is retried", async () => {
  const graph = adapter(freshTenant(), faulty);
  await injectFaults({ status: 429, retry_after: 1 });
  assert.equal((await create(graph, documentedPartner())).tenantId, WOODGROVE);
  assert.match((await requestsSeen()).at(-1).headers["retry-attempt"], /1/);
});

test("a create whose answer was lost ends well when it is retried", async () => {
  const graph = adapter(freshTenant(), faulty);
  await injectFaults({ status: 503, retry_after: 1, applied: true });
  assert.equal((await create(graph, documentedPartner())).tenantId, WOODGROVE);
});

test("a batch writes although its parts have no headers", async () => {
  const graph = adapter();
  const batch = new BatchRequestContent(graph, ERRORS);
  const create = batch.addBatchRequest(request(graph, HttpMethod.POST, "/partners", documentedPartner()));
  const count = batch.addBatchRequest(request(graph, HttpMethod.GET, "/partners/$count"));
  count.dependsOn = [create.id];
  const answers = await batch.postAsync();
  assert.equal(answers.getResponseById(create.id).status, 201);
  assert.equal(answers.getResponseById(count.id).status, 200);
  assert.equal(new TextDecoder().decode(answers.getResponseById(count.id).body), "1");
  assert.equal((await read(graph, WOODGROVE)).tenantId, WOODGROVE);
});

test("a batch of 25 is sent in two", async () => {
  const graph = adapter(freshTenant(), faulty);
  const batch = new BatchRequestContentCollection(graph, ERRORS);
  const ids = Array.from(
    { length: 25 },
    (_, number) => batch.addBatchRequest(request(graph, HttpMethod.POST, "/partners", { tenantId: numbered(number) })).id,
  );
  const answers = await batch.postAsync();
  assert.deepEqual(ids.map((id) => answers.getResponseById(id).status), ids.map(() => 201));
  const sent = (await requestsSeen()).filter(({ path }) => path === "/v1.0/$batch").slice(-2);
  assert.deepEqual(sent.map(({ body }) => JSON.parse(body).requests.length), [20, 5]);
});

test("a host that is not named gets no token, and the answer says so", async () => {
  const graph = new GraphRequestAdapter(new AzureIdentityAuthenticationProvider(credential(freshTenant())));
  graph.baseUrl = `${server}/v1.0`; // by default only the hosts of Microsoft's clouds get a token
  await assert.rejects(read(graph, WOODGROVE), (error) => {
    assert.equal(error.responseStatusCode, 401);
    assert.equal(error.errorEscaped.message, "Access token is empty.");
    return true;
  });
});

test("what is empty or misspelt configures nothing", async () => {
  const graph = adapter();
  await create(graph, { ...documentedPartner(), inboundTrust: { isMfaAccepted: true } });
  const before = await raw(graph, WOODGROVE);
  await update(graph, WOODGROVE, { b2bDirectConnectInbound: {}, inboundTrust: undefined, inboundTrusts: {} });
  assert.deepEqual(await raw(graph, WOODGROVE), before);
});

test("plain http is enough for this SDK", async () => {
  const graph = adapter(freshTenant(), process.env.XTAP_TEST_HTTP);
  assert.equal((await create(graph, documentedPartner())).tenantId, WOODGROVE);
});
