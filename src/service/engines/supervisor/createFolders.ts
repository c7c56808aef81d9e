import { Worker } from "node:worker_threads";
import { StartError } from "../../startError.ts";
import { makeFolders, type RunFolders } from "./runFolders.ts";
import { errorOf, failureOf, type SentFailure } from "./sentFailures.ts";

/** Time in which the folders of a run on volumes are created, in milliseconds. */
const foldersLimitInMs = 30_000;

/**
 * Creates what a run needs on disk. A volume that does not respond must keep only its own run waiting, so what is mounted
 * is asked in a thread. Rejects with a `StartError`.
 */
export async function createFolders(folders: RunFolders): Promise<void> {
  const mounted = folders.mounts.filter(({ isMount }) => isMount);
  if (mounted.length === 0) makeFolders(folders);
  else await inThread(folders, mounted.map(({ target }) => target).join(", "));
}

/** A thread that a volume keeps waiting cannot be ended. It ends with its volume. */
function inThread(folders: RunFolders, volumes: string): Promise<void> {
  // The build replaces the name by that of the built file.
  const thread = new Worker(new URL("./foldersThread.ts", import.meta.url), { workerData: folders });
  return new Promise<void>((resolve, reject) => {
    const timeout = setTimeout(() => {
      const seconds = String(foldersLimitInMs / 1000);
      thread.unref();
      reject(new StartError("MountFailed", `A volume does not respond within ${seconds} seconds: ${volumes}.`));
    }, foldersLimitInMs);
    thread.once("message", (failure: SentFailure | null) => {
      clearTimeout(timeout);
      if (failure === null) resolve();
      else reject(errorOf(failure));
    });
    thread.once("error", (error) => {
      clearTimeout(timeout);
      reject(errorOf(failureOf(error)));
    });
  });
}
