import { join } from "node:path";
import type { LaunchLimits } from "../../engine.ts";
import { createGroup, removeGroup } from "./controlGroups.ts";
import { type ControlGroup, groupNameOf, type GroupWay, type LimitMachine } from "./groupWay.ts";
import { enterGroups } from "./limitScripts.ts";
import { ownGroup } from "./ownGroup.ts";

const periodInMicroseconds = 100_000;

/** Returns the quota of a number of cores, for a period of 100 milliseconds. */
export function quotaOf(cores: number): number {
  return Math.max(1000, Math.round(cores * periodInMicroseconds));
}

/** Returns the command that puts a supervisor into control groups. */
export function enterPrefix(bash: string, groups: readonly ControlGroup[], counter = "", memory?: number): string[] {
  const files = groups.map(({ folder }) => join(folder, "cgroup.procs"));
  return [bash, "-p", "-c", enterGroups, "batchai-limits", counter, String(memory ?? ""), ...files, "--"];
}

/**
 * Returns the way of cgroup version 1, which only root has: groups in the service's own groups of the hierarchies
 * `memory` and `cpu`.
 */
export function versionOneGroups({ proc, isRoot }: LimitMachine): GroupWay | undefined {
  if (!isRoot) return undefined;
  const [memory, cpu] = ["memory", "cpu"].map((controller) => usableGroup(proc, controller));
  if (memory === undefined && cpu === undefined) return undefined;
  const groupIn = (parent: string, runId: string): string => join(parent, groupNameOf(runId));
  return {
    name: "a control group (cgroup version 1)",
    limitsMemory: memory !== undefined,
    limitsCores: cpu !== undefined,
    parents: [...new Set([memory, cpu].filter((parent) => parent !== undefined))],
    memoryFiles(runId) {
      const folder = groupIn(memory ?? "", runId);
      return { counter: join(folder, "memory.oom_control"), limit: join(folder, "memory.limit_in_bytes") };
    },
    start(runId, limits, bash) {
      const groups: ControlGroup[] = [];
      const hasMemory = memory !== undefined && limits.memoryInBytes !== undefined;
      if (hasMemory) groups.push({ folder: groupIn(memory, runId), settings: memorySettings(limits) });
      if (cpu !== undefined && limits.cores !== undefined) {
        const quota = String(quotaOf(limits.cores));
        groups.push({ folder: groupIn(cpu, runId), settings: [{ file: "cpu.cfs_quota_us", value: quota }] });
      }
      const counter = hasMemory ? this.memoryFiles?.(runId).counter : undefined;
      return { groups, prefix: enterPrefix(bash, groups, counter, limits.memoryInBytes) };
    },
  };
}

function memorySettings({ memoryInBytes }: LaunchLimits): ControlGroup["settings"] {
  const value = String(memoryInBytes);
  return [
    { file: "memory.limit_in_bytes", value },
    { file: "memory.memsw.limit_in_bytes", value, isOptional: true },
  ];
}

/** Returns the service's own group of a hierarchy if the service may create groups in it. */
function usableGroup(proc: string, controller: string): string | undefined {
  const folder = ownGroup(proc, controller)?.folder;
  if (folder === undefined) return undefined;
  const trial = join(folder, groupNameOf(`probe-${process.pid}`));
  try {
    createGroup({ folder: trial, settings: [] });
    return removeGroup(trial) ? folder : undefined;
  } catch {
    return undefined;
  }
}
