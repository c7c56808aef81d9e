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

/** A file or directory, with its stored properties. */
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

/** Opens a file or directory and calls `use` with it. Throws like {@link checkedEntry}. */
export async function withEntry<T>(
  exchange: Exchange,
  { share, place }: Target,
  access: "read" | "write",
  use: (entry: OpenEntry) => Promise<T> | T,
): Promise<T> {
  return withDescriptor(openPlace(place, access), (descriptor) => use(checkedOpenEntry(exchange, share, descriptor)));
}

/** Returns an open file or directory. Throws like {@link checkedEntry}. */
export function checkedOpenEntry(exchange: Exchange, share: Share, descriptor: number): OpenEntry {
  return { descriptor, ...checkedEntry(exchange, share, statOf(descriptor)) };
}

/** Returns a file or directory. Throws if a lease, a copy in progress or a condition prevents the request. */
export function checkedEntry(exchange: Exchange, share: Share, stat: BigIntStats): Entry {
  const identity = identityOf(stat);
  const known = { stat, identity, ...exchange.storage.properties.fileAndLease(share, identity) };
  checkAccess(exchange, known);
  return known;
}

/** Throws if a lease, a copy in progress or a condition of the request prevents it. */
function checkAccess({ request, storage }: Exchange, { stat, identity, properties, lease }: Entry): void {
  const isWriting = !isRead(request);
  if (stat.isFile()) {
    checkLease(request, lease, { kind: "file", needsLease: isWriting });
    if (isWriting && storage.copies.isUnderWay(identity)) throw new StorageError("PendingCopyOperation");
  }
  checkConditions(request, { stat, properties });
}

/** Rejects a change of an entry that a client has marked as read-only. */
export function refuseReadOnly(properties: FileProperties): void {
  if (properties.attributes?.includes("ReadOnly") === true) throw new StorageError("ReadOnlyAttribute");
}
