import { constants, fchmodSync, lstatSync, openSync, rmSync } from "node:fs";
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
export function openDraft(share: Share, place: Place): Draft {
  if (place.stat === undefined) checkNewName(place.name);
  const folder = dirname(share.folder);
  if (lstatSync(folder, { bigint: true }).dev !== share.stat.dev) return openInPlace(place);
  const path = join(folder, `${draftPrefix}${randomUUID()}`);
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o666);
  return {
    descriptor,
    isVisible: false,
    publish(destination) {
      if (destination.stat?.isFile() === true) fchmodSync(descriptor, Number(destination.stat.mode) & 0o7777);
      placeFile(path, destination);
    },
    discard() {
      rmSync(path, { force: true });
    },
  };
}

/** Opens a file in its place, new or emptied by the caller: for content that nobody takes for whole before it is. */
export function openInPlace(place: Place): Draft {
  const descriptor = place.stat === undefined ? createFile(place) : openPlace(place, "write");
  return { descriptor, isVisible: true, publish: () => undefined, discard: () => undefined };
}
