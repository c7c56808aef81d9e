import { identityOf } from "../disk/identity.ts";
import { requireFile } from "../disk/tree.ts";
import { actOnLease, leaseHeadersRead } from "../http/leases.ts";
import { versionHeaders } from "../http/responseHeaders.ts";
import { filePropertiesOf } from "./entryProperties.ts";
import { respond } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { StorageOperation } from "./operation.ts";
import { targetOf } from "./target.ts";

function leaseFile(exchange: Exchange): void {
  const { request, storage } = exchange;
  const { share, place } = targetOf(exchange);
  const { stat } = requireFile(place);
  const identity = identityOf(stat);
  const outcome = actOnLease(request, storage.properties.lease(share, identity), "file");
  storage.properties.setLease(share, identity, outcome.lease);
  respond(exchange, outcome.status, {
    ...versionHeaders(stat, filePropertiesOf(exchange, share, stat)),
    ...outcome.headers,
  });
}

/** Operations on the leases of files. */
export const fileLeaseOperations: readonly StorageOperation[] = [
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
