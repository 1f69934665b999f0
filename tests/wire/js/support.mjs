// What the server of this run is called, as test_javascript.py says in the environment.
import { ClientSecretCredential } from "@azure/identity";

export const server = process.env.XTAP_TEST_URL;
export const faulty = process.env.XTAP_TEST_FAULTY;
const tenants = process.env.XTAP_TEST_TENANTS.split(",");

/** Return the id of a tenant that no other test uses. */
export const freshTenant = () => {
  if (tenants.length === 0) throw new Error("more tenants are used than tests are counted");
  return tenants.pop();
};

export const credential = (tenant, { secret = process.env.XTAP_TEST_SECRET, clientId = "wire-administrator" } = {}) =>
  new ClientSecretCredential(tenant, clientId, secret, { authorityHost: server, disableInstanceDiscovery: true });

/** Let the proxy answer the next requests wrongly. */
export const injectFaults = (...faults) =>
  fetch(`${faulty}/control/faults`, { method: "POST", body: JSON.stringify(faults) });

/** Return the requests that came to the proxy. */
export const requestsSeen = async () => (await fetch(`${faulty}/control/seen`)).json();

export const WOODGROVE = "3d0f5dec-5d3d-455c-8016-e2af1ae4d31a";
export const NOBODY = "99999999-9999-4999-8999-999999999999";
export const numbered = (number) => `77777777-7777-4777-8777-${String(number).padStart(12, "0")}`;

/** The example of 'Create crossTenantAccessPolicyConfigurationPartner'. */
export const documentedPartner = () => ({
  tenantId: WOODGROVE,
  b2bDirectConnectOutbound: {
    usersAndGroups: {
      accessType: "blocked",
      targets: [{ target: "6f546279-4da5-4b53-a095-09ea0cef9971", targetType: "group" }],
    },
  },
  b2bDirectConnectInbound: {
    applications: { accessType: "allowed", targets: [{ target: "Office365", targetType: "application" }] },
  },
});
