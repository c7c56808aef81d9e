import type { BigIntStats } from "node:fs";
import { statOf } from "../disk/descriptor.ts";
import { identityOf } from "../disk/identity.ts";
import { setLastWriteTime } from "../disk/lastWriteTime.ts";
import { unlessShort } from "../failures.ts";
import type { SmbProperties } from "../http/headers.ts";
import { entryHeaders } from "../http/responseHeaders.ts";
import type { FileProperties } from "../records/properties.ts";
import type { Share } from "../shares/share.ts";
import { withEntry } from "./entry.ts";
import { respond } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { Target } from "./target.ts";

/** Returns the stored properties of a file or directory. */
export function filePropertiesOf(exchange: Exchange, share: Share, stat: BigIntStats): FileProperties {
  return exchange.storage.properties.file(share, identityOf(stat));
}

/** Times that the file system stores. */
export type StoredTimes = Pick<SmbProperties, "lastWriteOn" | "changedOn">;

/** Sets the times of an open file or directory and stores its properties. Keeps the records of its written ranges. */
export function storeProperties(
  { storage }: Exchange,
  share: Share,
  descriptor: number,
  properties: FileProperties,
  { lastWriteOn, changedOn }: StoredTimes,
): void {
  const before = statOf(descriptor);
  const end = lastWriteOn === undefined || before.isDirectory() ? undefined : storage.written.begin(before);
  setLastWriteTime(descriptor, lastWriteOn);
  const after = statOf(descriptor);
  end?.(after, {});
  const { contentMd5, changeTime, ...others } = properties;
  const isCurrent = contentMd5?.modified === String(before.mtimeNs);
  storage.properties.setFile(share, identityOf(after), {
    ...others,
    contentMd5: isCurrent ? { ...contentMd5, modified: String(after.mtimeNs) } : contentMd5,
    changeTime:
      changedOn instanceof Date ? { value: changedOn.toISOString(), changed: String(after.ctimeNs) } : changeTime,
  });
}

/**
 * Deletes what is stored about a deleted file, unless the file has another name, a hard link. If that is not possible
 * now, the file is deleted all the same: what is stored is never applied to another file, and removed later.
 */
export function forgetFile({ storage }: Exchange, share: Share, stat: BigIntStats): void {
  if (stat.nlink > 1n) return;
  unlessShort(() => {
    storage.properties.forgetFile(share, identityOf(stat));
    storage.written.forget(stat);
  });
}

/** Returns the headers of an open file or directory in its current state. */
export function currentHeaders(
  exchange: Exchange,
  { share, place }: Target,
  descriptor: number,
): Record<string, string> {
  const stat = statOf(descriptor);
  return entryHeaders(stat, place.folderId, filePropertiesOf(exchange, share, stat));
}

/** Changes the stored properties, and optionally the times, of a file or directory, and responds. */
export async function changeProperties(
  exchange: Exchange,
  target: Target,
  change: (properties: FileProperties) => FileProperties,
  times: StoredTimes = { lastWriteOn: undefined, changedOn: undefined },
): Promise<void> {
  await withEntry(exchange, target, "read", ({ descriptor, properties }) => {
    storeProperties(exchange, target.share, descriptor, change(properties), times);
    respond(exchange, 200, currentHeaders(exchange, target, descriptor));
  });
}
