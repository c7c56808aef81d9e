import type { BigIntStats } from "node:fs";
import { statOf, withDescriptor } from "../disk/descriptor.ts";
import { identityOf } from "../disk/identity.ts";
import { openPlace } from "../disk/tree.ts";
import { StorageError } from "../errors.ts";
import { checkConditions } from "../http/conditions.ts";
import { checkLease } from "../http/leases.ts";
import { isRead } from "../http/request.ts";
import type { Lease } from "../records/lease.ts";
import type { FileProperties } from "../records/properties.ts";
import type { Share } from "../shares/share.ts";
import type { Exchange } from "./exchange.ts";
import type { Target } from "./target.ts";

/** A file or directory with all that is known about it. */
export interface Entry {
  readonly stat: BigIntStats;
  readonly identity: string;
  readonly properties: FileProperties;
  readonly lease: Lease | undefined;
}

/** An open file or directory. */
export interface OpenEntry extends Entry {
  readonly descriptor: number;
}

/** Opens a file or directory for as long as `use` takes. */
export async function withEntry<T>(
  exchange: Exchange,
  { share, place }: Target,
  access: "read" | "write",
  use: (entry: OpenEntry) => Promise<T> | T,
): Promise<T> {
  return withDescriptor(openPlace(place, access), (descriptor) => use(checkedOpenEntry(exchange, share, descriptor)));
}

/** What is known about an open file or directory, once conditions and leases allow what the request wants. */
export function checkedOpenEntry(exchange: Exchange, share: Share, descriptor: number): OpenEntry {
  return { descriptor, ...checkedEntry(exchange, share, statOf(descriptor)) };
}

/** What is known about a file or directory, once conditions and leases allow what the request wants. */
export function checkedEntry(exchange: Exchange, share: Share, stat: BigIntStats): Entry {
  const identity = identityOf(stat);
  const known = { stat, identity, ...exchange.storage.properties.fileAndLease(share, identity) };
  checkAccess(exchange, known);
  return known;
}

/** Throws when a lease, a copy under way or a condition of the request stands against it. */
function checkAccess({ request, storage }: Exchange, { stat, identity, properties, lease }: Entry): void {
  const isWriting = !isRead(request);
  if (stat.isFile()) {
    checkLease(request, lease, { kind: "file", needsLease: isWriting });
    if (isWriting && storage.copies.isUnderWay(identity)) throw new StorageError("PendingCopyOperation");
  }
  checkConditions(request, { stat, properties });
}

/** Refuses to change what a client has marked as read-only. */
export function refuseReadOnly(properties: FileProperties): void {
  if (properties.attributes?.includes("ReadOnly") === true) throw new StorageError("ReadOnlyAttribute");
}
