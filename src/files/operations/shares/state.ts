import { checkLease } from "../../http/leases.ts";
import { describeShare } from "../../http/responseHeaders.ts";
import type { Lease } from "../../records/lease.ts";
import type { ShareProperties } from "../../records/properties.ts";
import type { Share } from "../../shares/share.ts";
import { respond } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { shareOf } from "../target.ts";

/** The share, or snapshot, that a request addresses. Throws when the request names a lease that is not there. */
export function leasedShareOf(exchange: Exchange, needsLease = false): Share {
  const share = shareOf(exchange);
  checkLease(exchange.request, leaseOn(exchange, share), { kind: "share", needsLease });
  return share;
}

/** The lease on a share or snapshot. */
export function leaseOn({ storage }: Exchange, share: Share): Lease | undefined {
  return storage.properties.lease(share, share.identity);
}

/** Stored properties of a share or snapshot. */
export function sharePropertiesOf({ storage }: Exchange, share: Share): ShareProperties {
  return storage.properties.share(share);
}

/** ETag and time of change of a share. */
export function shareVersion(exchange: Exchange, share: Share): Record<string, string> {
  const { etag, lastModified } = describeShare(share, sharePropertiesOf(exchange, share));
  return { etag, "last-modified": lastModified };
}

/** Changes the stored properties of the share that a request addresses, and answers. */
export function changeShare(exchange: Exchange, change: (properties: ShareProperties) => ShareProperties): void {
  const share = leasedShareOf(exchange);
  exchange.storage.properties.setShare(share, change(sharePropertiesOf(exchange, share)));
  const { quota } = describeShare(share, sharePropertiesOf(exchange, share));
  respond(exchange, 200, { ...shareVersion(exchange, share), "x-ms-share-quota": quota });
}

/** Lets a request take longer than a connection on which nothing moves may: what takes its time is the disk. */
export function waitForDisk({ request }: Exchange): void {
  request.message.setTimeout(0);
}

/** What all operations on a share have in common. */
export const onShare = { level: "share", resourceType: "c" } as const;
