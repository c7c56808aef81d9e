import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { missingFromPath } from "../programs.ts";
import { imagePrograms } from "./images.ts";

/**
 * Reason why tests cannot start container engines here; undefined if they can. With `BATCHAI_TEST_CONTAINERS=1`, tests
 * run, and fail if something is missing.
 */
export function containerObstacle(): string | undefined {
  if (process.env.BATCHAI_TEST_CONTAINERS === "1") return undefined;
  if (process.getuid?.() !== 0) return "container engines need root";
  const missing = [
    ...missingFromPath(["dockerd", "podman", "runc", "docker-registry", "htpasswd", "unshare", "nsenter", "tar"]),
    ...imagePrograms.filter((path) => !existsSync(path)),
  ];
  if (missing.length > 0) return `this machine has no ${missing.join(", ")}`;
  if (!existsSync("/sys/fs/cgroup/memory/cgroup.procs")) return "this machine has no control groups of version 1";
  const mayUnshare = spawnSync("unshare", ["--mount", "--pid", "--cgroup", "--fork", "true"]).status === 0;
  return mayUnshare ? undefined : "this user may not create namespaces";
}
