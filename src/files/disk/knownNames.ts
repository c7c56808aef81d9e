import { readdirSync } from "node:fs";
import { directoryStateAt } from "./directoryState.ts";

/** What is remembered of the names in a directory. */
interface KnownNames {
  /** State of the directory to which the names belong. */
  state: string;
  /** When the names were read, in milliseconds. */
  readonly readAt: number;
  /** Hashes of all names, without regard to case. */
  readonly hashes: Set<number>;
}

const mostDirectories = 16;
const mostNames = 200_000;
/** A directory that someone else changes in the same tick of the file system's clock is noticed after this time. */
const longestAge = 1000;

const known = new Map<string, KnownNames>();

/**
 * Whether a directory may hold a name in some spelling; `false` is certain. Without this, every new name in a directory
 * would cost a look at all others, and a directory of many files ever more time for each.
 */
export function mayHold(folder: string, name: string): boolean {
  const state = directoryStateAt(folder);
  const found = known.get(folder);
  const isFresh = found !== undefined && found.state === state && performance.now() - found.readAt < longestAge;
  const names = isFresh ? found : readNames(folder, state);
  return names === undefined || names.hashes.has(nameHash(name));
}

/** Carries out a change to a directory, and keeps what is known of its names up to date. */
export function changingNames<T>(folder: string, newName: string | undefined, change: () => T): T {
  const names = known.get(folder);
  if (names === undefined) return change();
  if (names.state !== directoryStateAt(folder)) known.delete(folder);
  try {
    return change();
  } finally {
    // A name too many does no harm: it only makes someone look.
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

/** FNV-1a, cut to the size of number that takes least memory. */
function nameHash(name: string): number {
  const folded = name.toLowerCase();
  let hash = 0x811c9dc5;
  for (let index = 0; index < folded.length; index++) {
    hash = Math.imul(hash ^ folded.charCodeAt(index), 0x01000193);
  }
  return hash & 0x3fffffff;
}
