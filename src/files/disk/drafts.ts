import { randomUUID } from "node:crypto";
import { constants, fchmodSync, lstatSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorCode } from "../../ground/systemErrors.ts";
import { checkNewName } from "./names.ts";
import { createFile, openPlace, placeFile } from "./tree.ts";
import type { Place, Root } from "./tree.ts";

/** Start of the names of files that nobody sees yet; no share can have such a name. */
export const draftPrefix = ".draft-";

/** A new file on its way to its place. */
export interface Draft {
  /** The open file, empty at first. The caller closes it. */
  readonly descriptor: number;
  /** Whether it is in its place already. */
  readonly isVisible: boolean;
  /** Puts it in its place at once, over whatever file is there. */
  publish(place: Place): void;
  /** Removes it unless it is published. */
  discard(): void;
}

/**
 * Opens a new file beside the shares of the account, so that readers see nothing of it, or all of it, whenever this
 * process ends. Where the share is on another disk, the file is written in its place.
 */
export function openDraft(share: Root, place: Place): Draft {
  if (place.stat === undefined) checkNewName(place.name);
  const folder = dirname(share.folder);
  if (isElsewhere(folder, share)) return openInPlace(place);
  const path = join(folder, `${draftPrefix}${randomUUID()}`);
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o666);
  let isPublished = false;
  return {
    descriptor,
    isVisible: false,
    publish(destination) {
      if (destination.stat?.isFile() === true) fchmodSync(descriptor, Number(destination.stat.mode) & 0o7777);
      placeFile(path, destination);
      isPublished = true;
    },
    discard() {
      if (!isPublished) rmSync(path, { force: true });
    },
  };
}

/**
 * Whether nothing can be moved from a folder into a share: it is on another disk, or mounted from another place of the
 * same one. That is asked before any name is looked for, so asking with a name that does not exist changes nothing.
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

/** Opens a file in its place, new or to be emptied by the caller: for content that nobody takes for whole before it is. */
export function openInPlace(place: Place): Draft {
  const descriptor = place.stat === undefined ? createFile(place) : openPlace(place, "write");
  return { descriptor, isVisible: true, publish: () => undefined, discard: () => undefined };
}
