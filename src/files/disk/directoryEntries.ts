import { setImmediate } from "node:timers/promises";
import { keysIn } from "./keptListings.ts";
import { nameOfKey, sortKey } from "./names.ts";
import { lookAt, pathOf } from "./tree.ts";
import type { FoundPlace } from "./tree.ts";

/** One entry of a directory. */
export interface DirectoryEntry {
  /** Name, without the path. */
  readonly name: string;
  /** Kind of the entry. Links, pipes and devices are not listed. */
  readonly kind: "file" | "directory";
  /** Size in bytes; files only. */
  readonly contentLength?: number;
  /** Time of the last change. */
  readonly lastModified: Date;
}

/** A page of the entries of a directory. */
export interface DirectoryPage {
  /** Name of the last entry of the previous page; the page starts with the next entry. Default: at the first entry. */
  readonly after?: string;
  /** Number of entries, at least 1. The page has fewer only if it is the last one. Default: all entries. */
  readonly limit?: number;
}

/** Number of names that are read together. */
const pageSize = 1000;
/** Number of entries after which other work gets its turn. */
const batchSize = 200;

/** Returns a page of the entries of a directory. Links, pipes and devices do not count. */
export async function entriesOf(
  directory: FoundPlace,
  { after, limit = Number.POSITIVE_INFINITY }: DirectoryPage,
): Promise<DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  for (let last = after === undefined ? "" : sortKey(after); entries.length < limit;) {
    const size = Math.min(pageSize, limit - entries.length);
    const keys = await keysIn(pathOf(directory), { after: last, limit: size });
    for (let start = 0; start < keys.length; start += batchSize) {
      const names = keys.slice(start, start + batchSize).map(nameOfKey);
      entries.push(...lookAt(directory, names).map(entryOf));
      await setImmediate();
    }
    if (keys.length < size) break;
    last = keys.at(-1) ?? "";
  }
  return entries;
}

function entryOf({ name, stat }: FoundPlace): DirectoryEntry {
  return {
    name,
    kind: stat.isFile() ? "file" : "directory",
    ...(stat.isFile() ? { contentLength: Number(stat.size) } : {}),
    lastModified: stat.ctime,
  };
}
