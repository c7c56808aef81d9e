import { lstatSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { errorCode } from "../../ground/systemErrors.ts";
import { nameOfKey } from "./names.ts";
import { keysIn, lookAt } from "./tree.ts";
import type { FoundPlace } from "./tree.ts";

/** Number of entries after which other work gets its turn. */
const batchSize = 500;

/**
 * Yields the directories and regular files in a directory, in Azure's order. Throws if the directory no longer exists.
 */
export async function* entriesIn(directory: FoundPlace): AsyncGenerator<FoundPlace> {
  const keys = await keysIn(directory);
  for (let start = 0; start < keys.length; start += batchSize) {
    await setImmediate();
    yield* lookAt(directory, keys.slice(start, start + batchSize).map(nameOfKey));
  }
}

/** Returns the folder of a share as a place. */
export function rootPlace(folder: string): FoundPlace {
  return { folder, name: ".", stat: lstatSync(folder, { bigint: true }) };
}

/** Returns the total size of all files in a share, in bytes. Entries that disappear in the meantime do not count. */
export async function usageOf(folder: string): Promise<bigint> {
  let bytes = 0n;
  const directories = [rootPlace(folder)];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    try {
      for await (const place of entriesIn(next)) {
        if (place.stat.isFile()) bytes += place.stat.size;
        else directories.push(place);
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return bytes;
}

/** Codes of errors when opening something that was moved or replaced. */
const goneCodes = new Set<string | undefined>(["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "ResourceNotFound"]);

/** Whether an error reports that something no longer exists or was replaced. */
export function isGone(error: unknown): boolean {
  return goneCodes.has(errorCode(error));
}
