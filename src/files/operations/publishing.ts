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

/** Which bytes of a new file were written, and what is to be stored with it. */
export interface NewFile {
  readonly written: readonly ByteRange[];
  readonly properties: FileProperties;
  readonly times: StoredTimes;
}

/** Stands for the modification time of a file that is still being made. */
export const notYetKnown = "";

/** Throws when something is there that the sender may not replace by a file, or the request wants nothing to be there. */
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

/** Works on a draft, closes it, and removes it unless it was published. */
export async function withDraft(draft: Draft, use: (draft: Draft) => Promise<void>): Promise<void> {
  await withDescriptor(draft.descriptor, async () => {
    try {
      await use(draft);
    } finally {
      draft.discard();
    }
  });
}

/** Puts a new file in the place that the request addresses, if the sender still may. */
export function publish(exchange: Exchange, draft: Draft, file: NewFile): Target {
  const target = targetOf(exchange);
  if (!draft.isVisible) checkReplaceable(exchange, target);
  placeDraft(exchange, target, draft, file);
  return target;
}

/** Puts a new file in its place. A lease on the file that was there goes over to the new one. */
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
  // Of most files there is nothing to store. Of one that may be an old one, or be taken for one, something may be known.
  const isSurelyNew = !draft.isVisible && stat.birthtimeNs !== 0n;
  if (!isSurelyNew || !isEmpty(stored)) storage.properties.setFile(target.share, identityOf(stat), stored);
  if (draft.isVisible) storage.written.forget(stat);
  storage.written.noteNew(stat, written);
  draft.publish(target.place);
  if (!draft.isVisible && target.place.stat !== undefined) inherit(exchange, target, target.place.stat, stat);
  // Only now the change time is final.
  const { changedOn } = times;
  if (changedOn instanceof Date) {
    storeProperties(exchange, target.share, draft.descriptor, stored, { lastWriteOn: undefined, changedOn });
  }
}

/** Properties with an MD5 that belongs to the content as it is. */
function withMd5Of({ mtimeNs }: BigIntStats, properties: FileProperties): FileProperties {
  const { contentMd5 } = properties;
  if (contentMd5?.modified !== notYetKnown) return properties;
  return { ...properties, contentMd5: { ...contentMd5, modified: String(mtimeNs) } };
}

function isEmpty(properties: FileProperties): boolean {
  return Object.values(properties).every((value) => value === undefined || Object.keys(value as object).length === 0);
}

/** A lease names a path to those who hold it, so it outlives what is there. */
function inherit(exchange: Exchange, { share }: Target, replaced: BigIntStats, stat: BigIntStats): void {
  const { storage } = exchange;
  const lease = storage.properties.lease(share, identityOf(replaced));
  if (lease !== undefined) storage.properties.setLease(share, identityOf(stat), lease);
  forgetFile(exchange, share, replaced);
}
