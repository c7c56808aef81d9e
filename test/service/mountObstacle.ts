import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Reason why tests cannot mount folders here; undefined if they can. With `BATCHAI_TEST_MOUNTS=1`, a lack is a failure. */
export function mountObstacle(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "batchai-try-"));
  try {
    execFileSync("mount", ["--bind", folder, folder], { stdio: "ignore" });
    execFileSync("umount", [folder], { stdio: "ignore" });
    return undefined;
  } catch (error) {
    if (process.env.BATCHAI_TEST_MOUNTS === "1") throw error;
    return "this user may not mount folders";
  } finally {
    rmSync(folder, { recursive: true });
  }
}
