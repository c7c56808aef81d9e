import { readdirSync } from "node:fs";
import { directoryStateAt } from "./directoryState.ts";

/** Cached names of a directory. */
interface KnownNames {
  /** State of the directory that the names belong to. */
  state: string;
  /** Time when the names were read, in milliseconds. */
  readonly readAt: number;
  /** Hashes of all names, ignoring case. */
  readonly hashes: Set<number>;
}

const mostDirectories = 16;
const mostNames = 200_000;
/**
 * Milliseconds after which a change by another program is noticed, even if it does not change the directory's times.
 */
const longestAge = 1000;

const known = new Map<string, KnownNames>();

/**
 * Whether a directory may contain a name in some spelling; `false` is certain. Without this, every new name in a
 * directory would require a look at all others, which takes longer the more files there are.
 */
export function mayHold(folder: string, name: string): boolean {
  const state = directoryStateAt(folder);
  const found = known.get(folder);
  const isFresh = found !== undefined && found.state === state && performance.now() - found.readAt < longestAge;
  const names = isFresh ? found : readNames(folder, state);
  return names === undefined || names.hashes.has(nameHash(name));
}

/** Makes a change to a directory, and updates its cached names. */
export function changingNames<T>(folder: string, newName: string | undefined, change: () => T): T {
  const names = known.get(folder);
  if (names === undefined) return change();
  if (names.state !== directoryStateAt(folder)) known.delete(folder);
  try {
    return change();
  } finally {
    // A name too many does no harm: it only causes a look at the directory.
    if (newName !== undefined) names.hashes.add(nameHash(newName));
    names.state = directoryStateAt(folder) ?? "";
  }
}

function readNames(folder: string, state: string | undefined): KnownNames | undefined {
  const names = readdirSync(folder);
  known.delete(folder);
  if (state === undefined || names.length > mostNames) return undefined;
  const found = { state, readAt: performance.now(), hashes: new Set(names.map(nameHash)) };
  known.set(folder, found);
  for (const oldest of known.keys()) {
    if (known.size <= mostDirectories) break;
    known.delete(oldest);
  }
  return found;
}

/** FNV-1a, shortened to the size of number that takes the least memory. */
function nameHash(name: string): number {
  const folded = name.toLowerCase();
  let hash = 0x811c9dc5;
  for (let index = 0; index < folded.length; index++) {
    hash = Math.imul(hash ^ folded.charCodeAt(index), 0x01000193);
  }
  return hash & 0x3fffffff;
}
