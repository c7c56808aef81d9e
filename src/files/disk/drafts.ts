import { randomUUID } from "node:crypto";
import { constants, fchmodSync, lstatSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorCode } from "../../ground/systemErrors.ts";
import { checkNewName } from "./names.ts";
import { createFile, newFileMode, openPlace, placeFile, removeFile } from "./tree.ts";
import type { FoundPlace, Place, Root } from "./tree.ts";

/** Start of the names of files that clients do not see yet. No share can have such a name. */
export const draftPrefix = ".draft-";

/** A new file that is not in its place yet. */
export interface Draft {
  /** The open file, initially empty. The caller closes it. */
  readonly descriptor: number;
  /** Whether it is already in its place. */
  readonly isVisible: boolean;
  /** Moves it to its place in one step, replacing a file that is there. */
  publish(place: Place): void;
  /** Deletes it unless it was published. */
  discard(): void;
}

/**
 * Opens a new file beside the shares of the account. Readers see all of it or nothing, even if this process is killed.
 * If the share is on another disk, the file is written in its place.
 */
export function openDraft(share: Root, place: Place): Draft {
  if (place.stat === undefined) checkNewName(place.name);
  const folder = dirname(share.folder);
  if (isElsewhere(folder, share)) return openInPlace(place);
  const path = join(folder, `${draftPrefix}${randomUUID()}`);
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, newFileMode);
  let isPublished = false;
  return {
    descriptor,
    isVisible: false,
    publish(destination) {
      if (destination.stat?.isFile() === true) fchmodSync(descriptor, executable(destination.stat));
      placeFile(path, destination);
      isPublished = true;
    },
    discard() {
      if (!isPublished) rmSync(path, { force: true });
    },
  };
}

/** Mode of a file that is replaced: who can read the new one can also start it. Earlier versions made files of 0644. */
function executable({ mode }: FoundPlace["stat"]): number {
  const permissions = Number(mode) & 0o7777;
  return permissions | ((permissions & 0o444) >> 2);
}

/**
 * Whether files cannot be moved from a folder into a share, because the share is on another disk or a separate mount.
 * The operating system checks that before it looks up names, so the test with a name that does not exist changes
 * nothing.
 */
function isElsewhere(folder: string, share: Root): boolean {
  if (lstatSync(folder, { bigint: true }).dev !== share.stat.dev) return true;
  const name = `${draftPrefix}nothing`;
  try {
    renameSync(join(folder, name), join(share.folder, name));
  } catch (error) {
    return errorCode(error) === "EXDEV";
  }
  return false;
}

/**
 * Opens a file in its place. A new one is created; the caller truncates an existing one. For content that readers do
 * not mistake for complete.
 */
export function openInPlace(place: Place): Draft {
  if (place.stat !== undefined) {
    const descriptor = openPlace(place, "write");
    return {
      descriptor,
      isVisible: true,
      publish: ({ stat }) => {
        if (stat?.isFile() === true) fchmodSync(descriptor, executable(stat));
      },
      discard: () => undefined,
    };
  }
  let isPublished = false;
  return {
    descriptor: createFile(place),
    isVisible: true,
    publish: () => {
      isPublished = true;
    },
    discard: () => {
      if (!isPublished) removeFile(place);
    },
  };
}
