import { closeSync, constants, fchmodSync, lstatSync, openSync, rmSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { checkNewName } from "./names.ts";
import type { Share } from "./storage.ts";
import { createFile, openPlace, placeFile } from "./tree.ts";
import type { Place } from "./tree.ts";

/** Start of the names of files that nobody sees yet; no share can have such a name. */
export const draftPrefix = ".draft-";

/** A new file on its way to its place. */
export interface Draft {
  /** The open file, empty at first. */
  readonly descriptor: number;
  /** Puts the file in its place at once, over whatever file is there, and closes it. */
  publish(place: Place): void;
  /** Drops the file, and closes it. */
  discard(): void;
}

/**
 * Opens a new file beside the shares of the account, so that readers see nothing of it, or all of it, whenever this
 * process ends. Where the share is on another disk, the file is written in its place.
 */
export function openDraft(share: Share, place: Place): Draft {
  if (place.stat === undefined) checkNewName(place.name);
  const folder = dirname(share.folder);
  if (lstatSync(folder, { bigint: true }).dev !== share.stat.dev) return openInPlace(place);
  const path = join(folder, `${draftPrefix}${randomUUID()}`);
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o666);
  return {
    descriptor,
    publish(destination) {
      if (destination.stat?.isFile() === true) fchmodSync(descriptor, Number(destination.stat.mode) & 0o7777);
      placeFile(path, destination);
      closeSync(descriptor);
    },
    discard() {
      rmSync(path, { force: true });
      closeSync(descriptor);
    },
  };
}

function openInPlace(place: Place): Draft {
  const descriptor = place.stat === undefined ? createFile(place) : openPlace(place, "write");
  const close = (): void => {
    closeSync(descriptor);
  };
  return { descriptor, publish: close, discard: close };
}
