import { lstatSync } from "node:fs";
import { errorCode } from "../../ground/systemErrors.ts";
import { nameBatches } from "./directoryNames.ts";
import { lookAt, pathOf } from "./tree.ts";
import type { FoundPlace } from "./tree.ts";

/** Yields the directories and regular files in a directory, in no order. Throws if the directory no longer exists. */
export async function* entriesIn(directory: FoundPlace): AsyncGenerator<FoundPlace> {
  for await (const names of nameBatches(pathOf(directory))) yield* lookAt(directory, names);
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
