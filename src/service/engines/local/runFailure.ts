import type { RunExit } from "../engine.ts";
import { errorCode } from "./runFiles.ts";

/** Why a run could not be started or followed, in words for the owner of the run. */
export class RunFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "RunFailure";
    this.code = code;
  }

  get exit(): RunExit {
    return { kind: "failed", code: this.code, message: this.message };
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "there is no space left on the disk",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  ENOENT: "it does not exist",
  EEXIST: "something else is there already",
  ELOOP: "it is a symbolic link, or leads through too many of them",
  ENXIO: "it is a pipe, not a file",
  ENAMETOOLONG: "the path is too long",
  EMFILE: "the service has too many files open",
};

/** Says what the system refused, without its jargon where there is a plain word for it. */
export function reasonOf(error: unknown): string {
  const code = errorCode(error) ?? "";
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}

/** Carries out a step of starting a run; what goes wrong becomes a failure of the run. */
export async function attempt<T>(what: string, step: () => Promise<T>, code = "FailedStartingProcess"): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof RunFailure) throw error;
    throw new RunFailure(code, `${what}: ${reasonOf(error)}.`);
  }
}
