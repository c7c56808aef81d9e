import type { File } from "../index.ts";
import type { OutputDirectoryName, OutputFileReader } from "./outputDirectory.ts";
import { partialPattern } from "./targetFolder.ts";
import type { SkippedEntry, TransferOptions } from "./transfer.ts";

/** An output file of a job. */
export interface OutputFileEntry {
  /** Path relative to the source, with `/`. */
  readonly path: string;
  readonly size: number;
  readonly lastModified: Date | undefined;
  readonly downloadUrl: string | undefined;
}

/** Content of an output directory. Each directory precedes its entries. */
export interface OutputTree {
  readonly files: OutputFileEntry[];
  readonly directories: string[];
  readonly skipped: SkippedEntry[];
}

/** Expiry of download URLs: the longest that the service allows, because files wait for their turn. */
const linkExpiryInMinutes = 600;

/** Lists an output directory with all its content. */
export async function listOutputTree(
  jobs: OutputFileReader,
  source: OutputDirectoryName,
  { abortSignal, onSkip }: TransferOptions,
): Promise<OutputTree> {
  const { resourceGroupName, workspaceName, experimentName, jobName, outputDirectoryId } = source;
  const tree: OutputTree = { files: [], directories: [], skipped: [] };
  const waiting = [""];
  for (const below of waiting) {
    const directory = [source.directory ?? "", below].filter((part) => part !== "").join("/") || undefined;
    const options = { directory, linkExpiryInMinutes, abortSignal };
    const names = [resourceGroupName, workspaceName, experimentName, jobName] as const;
    const seen = new Set<string>();
    for await (const file of jobs.listOutputFiles(...names, outputDirectoryId, options)) {
      const { name } = file;
      const path = below === "" ? name : `${below}/${name}`;
      const reason = seen.has(name) ? "the service lists it twice" : reasonToSkip(file);
      seen.add(name);
      if (reason !== undefined) {
        tree.skipped.push({ path, reason });
        onSkip?.({ path, reason });
      } else if (file.fileType === "directory") {
        tree.directories.push(path);
        waiting.push(path);
      } else {
        const { contentLength: size = 0, lastModified, downloadUrl } = file;
        tree.files.push({ path, size, lastModified, downloadUrl });
      }
    }
  }
  return tree;
}

function reasonToSkip({ name, fileType, downloadUrl }: File): string | undefined {
  if (fileType !== "file" && fileType !== "directory") return `it is neither a file nor a directory`;
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) return "its name is not a valid file name";
  if (process.platform === "win32" && /[<>:"|?*\p{Cc}]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/iu.test(name)) {
    return "Windows does not allow its name";
  }
  if (partialPattern.test(name)) return "its name is reserved for incomplete downloads";
  if (fileType === "file" && downloadUrl === undefined) {
    return "it has no download URL, because Azure Files does not allow its path";
  }
  return undefined;
}
