import { lstat, readdir } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { join, resolve } from "node:path";
import type { FileToTransfer, SkippedEntry, TransferOptions } from "./transfer.ts";
import { partialPattern } from "./targetFolder.ts";

/** A file on this machine. */
export interface LocalFile extends FileToTransfer {
  /** Path of its directory relative to the folder, with `/`; empty for the folder itself. */
  readonly directory: string;
  readonly name: string;
}

/** Content of a folder. Each directory precedes its entries. */
export interface LocalTree {
  readonly files: LocalFile[];
  readonly directories: string[];
  readonly skipped: SkippedEntry[];
}

/** Lists a folder with all its content. */
export async function listLocalTree(folder: string, { abortSignal, onSkip }: TransferOptions): Promise<LocalTree> {
  const root = resolve(folder);
  const tree: LocalTree = { files: [], directories: [], skipped: [] };
  const waiting = [""];
  for (const directory of waiting) {
    if (abortSignal?.aborted) return tree;
    for (const entry of await readdir(join(root, directory), { withFileTypes: true })) {
      const { name } = entry;
      const path = directory === "" ? name : `${directory}/${name}`;
      const localPath = join(root, path);
      const reason = reasonToSkip(entry);
      if (reason !== undefined) {
        tree.skipped.push({ path, reason });
        onSkip?.({ path, reason });
      } else if (entry.isDirectory()) {
        tree.directories.push(path);
        waiting.push(path);
      } else {
        tree.files.push({ path, localPath, directory, name, size: (await lstat(localPath)).size });
      }
    }
  }
  return tree;
}

function reasonToSkip(entry: Dirent): string | undefined {
  if (entry.isSymbolicLink()) return "it is a symbolic link";
  if (!entry.isFile() && !entry.isDirectory()) return "it is neither a file nor a directory";
  return partialPattern.test(entry.name) ? "it is an incomplete download" : undefined;
}
