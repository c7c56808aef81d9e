import { closeSync, fstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";

/** Calls `use` with a descriptor, and closes the descriptor afterwards. */
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
