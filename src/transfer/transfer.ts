import { AbortError } from "@azure/abort-controller";
import type { AbortSignalLike } from "@azure/abort-controller";
import { withAnySignal } from "../http/abort.ts";
import { TransferError } from "./transferError.ts";

/** What a transfer can be told. */
export interface TransferOptions {
  /** Number of files that are on their way at the same time, at least 1. Default: 5. */
  concurrency?: number;
  /** Is told whenever something has arrived. */
  onProgress?: (progress: TransferProgress) => void;
  /** Is told of every entry that is left out, for example a symbolic link. */
  onSkip?: (entry: SkippedEntry) => void;
  /** Ends the transfer with an `AbortError`; the next one goes on where it stopped. */
  abortSignal?: AbortSignalLike;
}

/** How far a transfer has come. What was there already counts as transferred. */
export interface TransferProgress {
  /** The file that has news: its path below the folder, with `/`. */
  readonly path: string;
  /** Number of bytes of that file that have arrived. */
  readonly fileBytes: number;
  /** Size of that file in bytes. */
  readonly fileSize: number;
  /** Number of files that have arrived as a whole. */
  readonly doneFiles: number;
  /** Number of all files. */
  readonly totalFiles: number;
  /** Number of bytes of all files that have arrived. */
  readonly doneBytes: number;
  /** Number of bytes of all files. */
  readonly totalBytes: number;
}

/** How a file came to be there: as a whole, from where an earlier transfer stopped, or it had been there already. */
export type TransferOutcome = "transferred" | "resumed" | "unchanged";

/** A file that is there now. */
export interface TransferredFile {
  /** Path below the folder, with `/`. */
  readonly path: string;
  /** Absolute path on this machine. */
  readonly localPath: string;
  /** Size in bytes. */
  readonly size: number;
  /** How it came to be there. */
  readonly outcome: TransferOutcome;
}

/** An entry that was left out. */
export interface SkippedEntry {
  /** Path below the folder, with `/`. */
  readonly path: string;
  /** Why, for people. */
  readonly reason: string;
}

/** What a transfer has done. */
export interface TransferSummary {
  /** All files that are there now, sorted by path. */
  readonly files: TransferredFile[];
  /** Entries that were left out. */
  readonly skipped: SkippedEntry[];
}

/** A file that is to be transferred. */
export interface FileToTransfer {
  readonly path: string;
  readonly localPath: string;
  readonly size: number;
}

/** Is told how many bytes of a file have arrived, and how many there are. */
export type ReportBytes = (fileBytes: number, fileSize: number) => void;

/** Transfers one file. */
export type TransferFile<T> = (file: T, report: ReportBytes, abortSignal: AbortSignalLike) => Promise<TransferOutcome>;

/** Transfers files, several at a time. The first one that fails ends all others. */
export async function transferFiles<T extends FileToTransfer>(
  operation: string,
  files: readonly T[],
  { concurrency = 5, onProgress, abortSignal }: TransferOptions,
  transferFile: TransferFile<T>,
): Promise<TransferredFile[]> {
  const done: TransferredFile[] = [];
  const tally = new Tally(files);
  const failure = new AbortController();
  let firstError: Error | undefined;
  const waiting = files.values();
  await withAnySignal([abortSignal, failure.signal], async (signal) => {
    const work = async (): Promise<void> => {
      for (const file of waiting) {
        if (signal.aborted) return;
        const { path, localPath } = file;
        const report: ReportBytes = (fileBytes, fileSize) => {
          if (!signal.aborted) onProgress?.(tally.count(path, fileBytes, fileSize, done.length));
        };
        try {
          const outcome = await transferFile(file, report, signal);
          const size = tally.sizeOf(path);
          done.push({ path, localPath, size, outcome });
          report(size, size);
        } catch (error) {
          firstError ??= describe(operation, path, error);
          failure.abort();
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  });
  if (abortSignal?.aborted) throw abortError(operation);
  if (firstError !== undefined) throw firstError;
  return done.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Says that a transfer was aborted. */
export function abortError(operation: string): AbortError {
  return new AbortError(`${operation}: the transfer was aborted; start it again, and it goes on where it stopped.`);
}

/** Says what went wrong with a file; what the user's own code threw is left alone. */
export function describe(operation: string, path: string, error: unknown): Error {
  if (!(error instanceof Error)) return new TransferError(operation, path, error);
  const isOurs = "code" in error && error.name !== "AbortError" && !(error instanceof TransferError);
  return isOurs ? new TransferError(operation, path, error) : error;
}

/** Throws when the options cannot be meant. */
export function checkOptions(operation: string, { concurrency = 5 }: TransferOptions): void {
  if (Number.isSafeInteger(concurrency) && concurrency >= 1) return;
  throw new TypeError(
    `${operation}: options.concurrency: must be an integer of at least 1, got ${String(concurrency)}`,
  );
}

class Tally {
  readonly #arrived = new Map<string, { bytes: number; size: number }>();
  #doneBytes = 0;
  #totalBytes = 0;

  constructor(files: readonly FileToTransfer[]) {
    for (const { path, size } of files) {
      this.#arrived.set(path, { bytes: 0, size });
      this.#totalBytes += size;
    }
  }

  sizeOf(path: string): number {
    return this.#arrived.get(path)?.size ?? 0;
  }

  count(path: string, fileBytes: number, fileSize: number, doneFiles: number): TransferProgress {
    const before = this.#arrived.get(path) ?? { bytes: 0, size: 0 };
    this.#arrived.set(path, { bytes: fileBytes, size: fileSize });
    this.#doneBytes += fileBytes - before.bytes;
    this.#totalBytes += fileSize - before.size;
    const totals = { totalFiles: this.#arrived.size, doneBytes: this.#doneBytes, totalBytes: this.#totalBytes };
    return { path, fileBytes, fileSize, doneFiles, ...totals };
  }
}
