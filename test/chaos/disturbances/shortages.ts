import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { allProcesses, descriptorsOf, look } from "../processes.ts";
import type { Stage } from "../stage.ts";
import type { Disturbance, World } from "./disturbance.ts";

/** Takes the free descriptors away from the running service. */
const noDescriptors: Disturbance = {
  name: "no descriptors",
  apply(world, random) {
    const { pid } = world.subject;
    if (pid !== undefined) limit(world.stage, "nofile", pid, Math.max(0, descriptorsOf(pid) + random.between(-6, 4)));
    return () => restore("nofile", world);
  },
};

/** Takes the free descriptors away from the launcher. */
const noDescriptorsForLauncher: Disturbance = {
  name: "no descriptors for the launcher",
  apply(world, random) {
    const { launcher } = world.subject;
    if (launcher !== undefined) limit(world.stage, "nofile", launcher, descriptorsOf(launcher) + random.between(-2, 2));
    return () => restore("nofile", world);
  },
};

/** Takes the free processes away from the service and its launcher. */
const noProcesses: Disturbance = {
  name: "no processes",
  obstacle: ({ user, gaps }) => (process.getuid?.() === 0 && user === undefined ? gaps.user : undefined),
  apply(world, random) {
    const { pid, launcher } = world.subject;
    const most = threadsOf(world.stage) + random.between(-3, 3);
    for (const target of [pid, launcher])
      if (target !== undefined) limit(world.stage, "nproc", target, Math.max(1, most));
    return () => restore("nproc", world);
  },
};

const fullDisk: Disturbance = {
  name: "disk full",
  obstacle: ({ gaps }) => gaps.disk,
  apply({ stage }) {
    stage.fillDisk("space");
    return () => stage.freeDisk();
  },
};

const noInodes: Disturbance = {
  name: "no inodes",
  obstacle: ({ gaps }) => gaps.disk,
  apply({ stage }) {
    stage.fillDisk("inodes");
    return () => stage.freeDisk();
  },
};

export const shortages: readonly Disturbance[] = [
  noDescriptors,
  noDescriptorsForLauncher,
  noProcesses,
  fullDisk,
  noInodes,
];

type Resource = "nofile" | "nproc";

/** Sets the soft limit of a process, which its user can raise again. */
function limit(stage: Stage, resource: Resource, pid: number, value: number | "max"): void {
  const soft =
    value === "max" ? prlimit(stage, pid, [`--${resource}`, "--noheadings", "--output=HARD"]) : String(value);
  prlimit(stage, pid, [`--${resource}=${soft || "unlimited"}:`]);
}

/** Processes that started during the shortage have inherited the limit. */
function restore(resource: Resource, { subject, stage }: World): void {
  const affected = [subject.pid, subject.launcher, ...stage.jobProcesses().map(({ pid }) => pid)];
  for (const pid of affected) if (pid !== undefined) limit(stage, resource, pid, "max");
}

/** Runs as the user of the process: root needs a capability for processes of others, which containers may lack. */
function prlimit(stage: Stage, pid: number, options: readonly string[]): string {
  const [program, ...args] = stage.asUser(["prlimit", "--pid", String(pid), ...options]);
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0 && look(pid)) throw new Error(`prlimit failed: ${stderr}`);
  return stdout.trim();
}

/** Returns the number of threads that count against the limit of the user. */
function threadsOf({ user }: Stage): number {
  const owner = String(user ?? process.getuid?.());
  return allProcesses()
    .map(({ pid }) => statusOf(pid))
    .filter((status) => new RegExp(`^Uid:\\s+${owner}\\s`, "m").test(status))
    .reduce((sum, status) => sum + Number(/Threads:\s+(\d+)/.exec(status)?.[1] ?? 0), 0);
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return ""; // It has ended.
  }
}
