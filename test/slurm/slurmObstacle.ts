import { spawnSync } from "node:child_process";
import { missingFromPath } from "../programs.ts";

/**
 * Reason why tests cannot start a Slurm here; undefined if they can. With `BATCHAI_TEST_SLURM=1`, tests run, and fail if
 * something is missing.
 */
export function slurmObstacle(): string | undefined {
  if (process.env.BATCHAI_TEST_SLURM === "1") return undefined;
  if (process.getuid?.() !== 0) return "Slurm needs root";
  const missing = missingFromPath(["slurmctld", "slurmd", "munged", "sbatch", "srun", "unshare", "nsenter"]);
  if (missing.length > 0) return `this machine has no ${missing.join(", ")}`;
  const mayUnshare = spawnSync("unshare", ["--mount", "--pid", "--uts", "--cgroup", "--fork", "true"]).status === 0;
  return mayUnshare ? undefined : "this user may not create namespaces";
}
