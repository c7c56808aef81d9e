import { lstatSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { errorCode } from "../../ground/systemErrors.ts";
import { nameOfKey } from "./names.ts";
import { keysIn, lookAt } from "./tree.ts";
import type { FoundPlace } from "./tree.ts";

/** Entries that are looked at before others get their turn. */
const batchSize = 500;

/** Directories and regular files in a directory, in Azure's order. Throws when the directory is not there any more. */
export async function* entriesIn(directory: FoundPlace): AsyncGenerator<FoundPlace> {
  const keys = await keysIn(directory);
  for (let start = 0; start < keys.length; start += batchSize) {
    await setImmediate();
    yield* lookAt(directory, keys.slice(start, start + batchSize).map(nameOfKey));
  }
}

/** The folder of a share as a place. */
export function rootPlace(folder: string): FoundPlace {
  return { folder, name: ".", stat: lstatSync(folder, { bigint: true }) };
}

/** Sum of the sizes of all files in a share, in bytes. What vanishes meanwhile does not count. */
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

/** What opening says of something that was moved away, or replaced by something else. */
const goneCodes = new Set<string | undefined>(["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "ResourceNotFound"]);

/** Whether an error says that something is not there any more, or not what it was. */
export function isGone(error: unknown): boolean {
  return goneCodes.has(errorCode(error));
}
