import type { BigIntStats } from "node:fs";
import type { ByteRange } from "../disk/byteRanges.ts";
import { statOf, withDescriptor } from "../disk/descriptor.ts";
import type { Draft } from "../disk/drafts.ts";
import { identityOf } from "../disk/identity.ts";
import { setLastWriteTime } from "../disk/lastWriteTime.ts";
import { StorageError } from "../errors.ts";
import { checkConditions } from "../http/conditions.ts";
import { flagHeader } from "../http/headers.ts";
import { checkLease } from "../http/leases.ts";
import type { FileProperties } from "../records/properties.ts";
import { checkedEntry, refuseReadOnly } from "./entry.ts";
import { forgetFile, storeProperties } from "./entryProperties.ts";
import type { StoredTimes } from "./entryProperties.ts";
import type { Exchange } from "./exchange.ts";
import { targetOf } from "./target.ts";
import type { Target } from "./target.ts";

/** The written bytes of a new file, its properties and its times. */
export interface NewFile {
  readonly written: readonly ByteRange[];
  readonly properties: FileProperties;
  readonly times: StoredTimes;
}

/** Stands for the modification time of a file that is not complete yet. */
export const notYetKnown = "";

/**
 * Throws if the sender must not replace the existing file or directory, or if the request requires that none exists.
 */
export function checkReplaceable(exchange: Exchange, { share, place }: Target): void {
  const { stat } = place;
  if (stat === undefined) {
    checkLease(exchange.request, undefined, { kind: "file", needsLease: true });
    return checkConditions(exchange.request, undefined);
  }
  if (!stat.isFile()) throw new StorageError("ResourceTypeMismatch");
  if (!exchange.grant.grants("w")) throw new StorageError("AuthorizationPermissionMismatch");
  const { properties } = checkedEntry(exchange, share, stat);
  if (!flagHeader(exchange.request, "x-ms-file-copy-ignore-readonly")) refuseReadOnly(properties);
}

/** Calls `use` with a draft. Closes the draft afterwards, and deletes it unless it was published. */
export async function withDraft(draft: Draft, use: (draft: Draft) => Promise<void>): Promise<void> {
  await withDescriptor(draft.descriptor, async () => {
    try {
      await use(draft);
    } finally {
      draft.discard();
    }
  });
}

/** Moves a new file to the place in the request, if the sender may still do so. Returns the place. */
export function publish(exchange: Exchange, draft: Draft, file: NewFile): Target {
  const target = targetOf(exchange);
  if (!draft.isVisible) checkReplaceable(exchange, target);
  placeDraft(exchange, target, draft, file);
  return target;
}

/** Moves a new file to its place. The new file gets the lease of the file that it replaces. */
export function placeDraft(
  exchange: Exchange,
  target: Target,
  draft: Draft,
  { written, properties, times }: NewFile,
): void {
  const { storage } = exchange;
  setLastWriteTime(draft.descriptor, times.lastWriteOn);
  const stat = statOf(draft.descriptor);
  const stored = withMd5Of(stat, properties);
  // Most files need no row. But an existing file, or one that could be mistaken for a deleted file, may have an old
  // row.
  const isSurelyNew = !draft.isVisible && stat.birthtimeNs !== 0n;
  if (!isSurelyNew || !isEmpty(stored)) storage.properties.setFile(target.share, identityOf(stat), stored);
  if (draft.isVisible) storage.written.forget(stat);
  storage.written.noteNew(stat, written);
  draft.publish(target.place);
  if (!draft.isVisible && target.place.stat !== undefined) inherit(exchange, target, target.place.stat, stat);
  // The change time is final only now.
  const { changedOn } = times;
  if (changedOn instanceof Date) {
    storeProperties(exchange, target.share, draft.descriptor, stored, { lastWriteOn: undefined, changedOn });
  }
}

/** Sets the time of the MD5 to that of the current content. */
function withMd5Of({ mtimeNs }: BigIntStats, properties: FileProperties): FileProperties {
  const { contentMd5 } = properties;
  if (contentMd5?.modified !== notYetKnown) return properties;
  return { ...properties, contentMd5: { ...contentMd5, modified: String(mtimeNs) } };
}

function isEmpty(properties: FileProperties): boolean {
  return Object.values(properties).every((value) => value === undefined || Object.keys(value as object).length === 0);
}

/** Clients hold a lease on a path, so it outlives the file. */
function inherit(exchange: Exchange, { share }: Target, replaced: BigIntStats, stat: BigIntStats): void {
  const { storage } = exchange;
  const lease = storage.properties.lease(share, identityOf(replaced));
  if (lease !== undefined) storage.properties.setLease(share, identityOf(stat), lease);
  forgetFile(exchange, share, replaced);
}
