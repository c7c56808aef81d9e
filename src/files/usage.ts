import { rootPlace } from "./copyTree.ts";
import { nameOfKey } from "./names.ts";
import { keysIn, lookAt, pathOf } from "./tree.ts";
import type { FoundPlace } from "./tree.ts";

/** Sum of the sizes of all files in a share, in bytes. What vanishes meanwhile does not count. */
export async function usageOf(folder: string): Promise<bigint> {
  let bytes = 0n;
  const directories: FoundPlace[] = [rootPlace(folder)];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    for (const place of await entriesOf(next)) {
      if (place.stat.isFile()) bytes += place.stat.size;
      else directories.push({ ...place, folder: pathOf(place), name: "." });
    }
  }
  return bytes;
}

async function entriesOf(directory: FoundPlace): Promise<FoundPlace[]> {
  try {
    return lookAt(directory, (await keysIn(directory)).map(nameOfKey));
  } catch {
    return [];
  }
}
