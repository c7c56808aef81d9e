import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Writes a file so that a reader, or a crash, finds either the old content or all of the new content. */
export function writeFileAtomically(file: string, content: string, mode: number): void {
  const draft = `${file}.${String(process.pid)}.tmp`;
  const descriptor = openSync(draft, "w", mode);
  try {
    // A draft that a crash left, or the umask, may have given it another mode.
    fchmodSync(descriptor, mode);
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
  syncFolder(dirname(file));
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
