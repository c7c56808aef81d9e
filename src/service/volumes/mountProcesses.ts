import { readdir, readFile } from "node:fs/promises";
import { isWithin } from "../../ground/containment.ts";
import { errorCode } from "../../ground/systemErrors.ts";

/** Variable by which the processes behind a mount are found again: its value is the mount point. */
export const mountMarker = "BATCHAI_MOUNT_POINT";

/** Returns the IDs of the processes that the service started for mounts at a path or below it. */
export async function mountProcesses(path: string): Promise<number[]> {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(ids.map(async (id) => ((await servesBelow(path, id)) ? [Number(id)] : [])));
  return found.flat();
}

/** Sends a signal to processes that may have ended in the meantime. */
export function signalAll(ids: readonly number[], signal: NodeJS.Signals): void {
  for (const id of ids) {
    try {
      process.kill(id, signal);
    } catch (error) {
      if (errorCode(error) !== "ESRCH") throw error;
    }
  }
}

/** The environment of another user's process cannot be read: the service has not started it. */
async function servesBelow(path: string, id: string): Promise<boolean> {
  const environment = await readFile(`/proc/${id}/environ`, "utf8").catch(() => "");
  const entry = environment.split("\0").find((variable) => variable.startsWith(`${mountMarker}=`));
  return entry !== undefined && isWithin(path, entry.slice(mountMarker.length + 1));
}
