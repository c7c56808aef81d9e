import type { AbortSignalLike } from "@azure/abort-controller";
import { isRestError } from "@azure/core-rest-pipeline";
import { errorCode } from "../ground/systemErrors.ts";
import { withAnySignal } from "../http/abort.ts";
import { AbortError, abortReason } from "../http/abortError.ts";
import { TransferError } from "./transferError.ts";

/** Options of a transfer. */
export interface TransferOptions {
  /** Number of files to transfer at the same time, at least 1. Default: 5. */
  concurrency?: number;
  /** Called after each transferred part and each completed file. */
  onProgress?: (progress: TransferProgress) => void;
  /** Called for each skipped entry, for example a symbolic link. */
  onSkip?: (entry: SkippedEntry) => void;
  /** Aborts the transfer with an `AbortError`. The next transfer resumes where this one stopped. */
  abortSignal?: AbortSignalLike;
}

/** Progress of a transfer. Unchanged files count as transferred. */
export interface TransferProgress {
  /** Path of the file that made progress, relative to the folder, with `/`. */
  readonly path: string;
  /** Number of transferred bytes of that file. */
  readonly fileBytes: number;
  /** Size of that file in bytes. */
  readonly fileSize: number;
  /** Number of completely transferred files. */
  readonly doneFiles: number;
  /** Number of all files. */
  readonly totalFiles: number;
  /** Number of transferred bytes of all files. */
  readonly doneBytes: number;
  /** Number of bytes of all files. */
  readonly totalBytes: number;
}

/**
 * How the file was handled: transferred in full, resumed from an earlier transfer, or unchanged and not transferred.
 */
export type TransferOutcome = "transferred" | "resumed" | "unchanged";

/** A transferred or unchanged file. */
export interface TransferredFile {
  /** Path relative to the folder, with `/`. */
  readonly path: string;
  /** Absolute path on this machine. */
  readonly localPath: string;
  /** Size in bytes. */
  readonly size: number;
  /** How the file was handled. */
  readonly outcome: TransferOutcome;
}

/** A skipped entry. */
export interface SkippedEntry {
  /** Path relative to the folder, with `/`. */
  readonly path: string;
  /** Reason, for people. */
  readonly reason: string;
}

/** Result of a transfer. */
export interface TransferSummary {
  /** Transferred and unchanged files, sorted by path. */
  readonly files: TransferredFile[];
  /** Skipped entries. */
  readonly skipped: SkippedEntry[];
}

/** A file to transfer. */
export interface FileToTransfer {
  readonly path: string;
  readonly localPath: string;
  readonly size: number;
}

/** Called with the number of transferred bytes of a file, and with its size. */
export type ReportBytes = (fileBytes: number, fileSize: number) => void;

/** Transfers one file. */
export type TransferFile<T> = (file: T, report: ReportBytes, abortSignal: AbortSignalLike) => Promise<TransferOutcome>;

/** Transfers several files at a time. If one transfer fails, stops all others. */
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
          firstError ??= withPath(operation, path, error);
          failure.abort();
        }
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  });
  if (abortSignal?.aborted) throw abortError(operation, abortSignal);
  if (firstError !== undefined) throw firstError;
  return done.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Creates the error of an aborted transfer. */
export function abortError(operation: string, abortSignal: AbortSignalLike | undefined): AbortError {
  const message = `${operation}: the transfer was aborted. Start it again to resume where it stopped.`;
  return new AbortError(message, { operation, cause: abortReason(abortSignal) });
}

/** Adds the file to an error. Returns errors of the user's own code unchanged. */
export function withPath(operation: string, path: string, error: unknown): Error {
  if (!(error instanceof Error)) return new TransferError(operation, path, error);
  if (error.name === "AbortError" || error instanceof TransferError) return error;
  const isFromSystem = isRestError(error) || errorCode(error) !== undefined;
  return isFromSystem ? new TransferError(operation, path, error) : error;
}

/** Throws if an option is not valid. */
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
