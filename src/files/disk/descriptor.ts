import { closeSync, fstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";

/** Closes `descriptor` once `use` is done. */
export async function withDescriptor<T>(descriptor: number, use: (descriptor: number) => Promise<T> | T): Promise<T> {
  try {
    return await use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Returns the state of an open file or directory. */
export function statOf(descriptor: number): BigIntStats {
  return fstatSync(descriptor, { bigint: true });
}
