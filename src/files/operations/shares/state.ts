import { checkLease } from "../../http/leases.ts";
import { describeShare } from "../../http/responseHeaders.ts";
import type { Lease } from "../../records/lease.ts";
import type { ShareProperties } from "../../records/properties.ts";
import type { Share } from "../../shares/share.ts";
import { respond } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { shareOf } from "../target.ts";

/** Returns the share or snapshot that a request names. Throws if its lease prevents the request. */
export function leasedShareOf(exchange: Exchange, needsLease = false): Share {
  const share = shareOf(exchange);
  checkLease(exchange.request, leaseOn(exchange, share), { kind: "share", needsLease });
  return share;
}

/** Returns the lease on a share or snapshot. */
export function leaseOn({ storage }: Exchange, share: Share): Lease | undefined {
  return storage.properties.lease(share, share.identity);
}

/** Returns the stored properties of a share or snapshot. */
export function sharePropertiesOf({ storage }: Exchange, share: Share): ShareProperties {
  return storage.properties.share(share);
}

/** Returns the ETag of a share and the time of its last change. */
export function shareVersion(exchange: Exchange, share: Share): Record<string, string> {
  const { etag, lastModified } = describeShare(share, sharePropertiesOf(exchange, share));
  return { etag, "last-modified": lastModified };
}

/** Changes the stored properties of the share that a request names, and responds. */
export function changeShare(exchange: Exchange, change: (properties: ShareProperties) => ShareProperties): void {
  const share = leasedShareOf(exchange);
  exchange.storage.properties.setShare(share, change(sharePropertiesOf(exchange, share)));
  const { quota } = describeShare(share, sharePropertiesOf(exchange, share));
  respond(exchange, 200, { ...shareVersion(exchange, share), "x-ms-share-quota": quota });
}

/** Disables the timeout of idle connections for a request that has to wait for the disk. */
export function waitForDisk({ request }: Exchange): void {
  request.message.setTimeout(0);
}

/** Common properties of operations on shares. */
export const onShare = { level: "share", resourceType: "c" } as const;
