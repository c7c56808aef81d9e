import { identityOf } from "../disk/identity.ts";
import { requireFile } from "../disk/tree.ts";
import { actOnLease, leaseHeadersRead } from "../http/leases.ts";
import { versionHeaders } from "../http/responseHeaders.ts";
import { propertiesOf, targetOf } from "./entries.ts";
import { answer } from "./operation.ts";
import type { Exchange, Operation } from "./operation.ts";

function leaseFile(exchange: Exchange): void {
  const { request, storage } = exchange;
  const { share, place } = targetOf(exchange);
  const { stat } = requireFile(place);
  const identity = identityOf(stat);
  const outcome = actOnLease(request, storage.properties.lease(share, identity), "file");
  storage.properties.setLease(share, identity, outcome.lease);
  answer(exchange, outcome.status, {
    ...versionHeaders(stat, propertiesOf(exchange, share, stat)),
    ...outcome.headers,
  });
}

/** Leases on files: exclusive rights to write and delete, until released or broken. */
export const fileLeaseOperations: readonly Operation[] = [
  {
    level: "file",
    resourceType: "o",
    methods: ["PUT"],
    comp: "lease",
    permissions: "wd",
    headers: leaseHeadersRead,
    run: leaseFile,
  },
];
