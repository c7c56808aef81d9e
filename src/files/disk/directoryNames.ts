import type { Dir } from "node:fs";
import { opendir } from "node:fs/promises";

/** Number of names that are read together. */
const batchSize = 1024;

/**
 * Yields the names in a directory in batches, in no order. The thread pool reads each batch, so other work continues
 * in the meantime.
 */
export async function* nameBatches(folder: string): AsyncGenerator<string[]> {
  const directory = await opendir(folder, { bufferSize: batchSize });
  try {
    for (let first = await directory.read(); first !== null; first = await directory.read()) {
      yield [first.name, ...restOfBatch(directory)];
    }
  } finally {
    await directory.close();
  }
}

/** Returns the names that were read together with the first one. A promise for each name would take twice as long. */
function restOfBatch(directory: Dir): string[] {
  const names: string[] = [];
  while (names.length < batchSize - 1) {
    const entry = directory.readSync();
    if (entry === null) break;
    names.push(entry.name);
  }
  return names;
}
