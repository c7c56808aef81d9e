import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Keeps the mount roots of all services that tests start in one folder, which is removed afterwards. */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "batchai-state-"));
  process.env.XDG_STATE_HOME = folder;
  return async () => {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
}
