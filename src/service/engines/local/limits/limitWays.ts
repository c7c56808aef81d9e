import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nodeEnvironment } from "../nodeEnvironment.ts";
import { coresIn } from "./coreMasks.ts";
import { delegatedGroup } from "./delegatedGroup.ts";
import type { GroupWay, LimitMachine } from "./groupWay.ts";
import { findProgram } from "../../../../ground/findProgram.ts";
import { systemdScopes } from "./systemdScopes.ts";
import { versionOneGroups } from "./versionOneGroups.ts";

/** Ways in which this machine can limit a run. */
export interface LimitWays {
  /** Absent if the service may not use control groups. */
  readonly group?: GroupWay;
  /** Absolute path of `taskset`, for cores that no group limits. Absent if there is none. */
  readonly taskset?: string;
  /** Cores that the service may use. */
  readonly cores: readonly number[];
}

/** Returns this machine as the service's user sees it. */
export function thisMachine(bash: string): LimitMachine {
  const user = process.getuid?.() ?? 0;
  const isRoot = user === 0;
  const managerFolder = isRoot ? "/run" : (process.env.XDG_RUNTIME_DIR ?? `/run/user/${user}`);
  const isUnit = process.env.INVOCATION_ID !== undefined;
  return { proc: "/proc", path: nodeEnvironment().PATH ?? "", isRoot, isUnit, managerFolder, bash };
}

/**
 * Finds the ways to limit a run. A scope of systemd comes first: systemd removes it, and a service that is started again
 * does not find its own group occupied by runs.
 */
export async function findLimitWays(machine: LimitMachine): Promise<LimitWays> {
  const group = (await systemdScopes(machine)) ?? delegatedGroup(machine) ?? versionOneGroups(machine);
  const taskset = findProgram("taskset", machine.path);
  return { ...(group && { group }), ...(taskset !== undefined && { taskset }), cores: usableCores(machine.proc) };
}

function usableCores(proc: string): number[] {
  try {
    const status = readFileSync(join(proc, "self/status"), "latin1");
    return coresIn(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? "");
  } catch {
    return [];
  }
}

/** Returns how the ways limit memory and cores, for people. */
export function describeWays({ group, taskset }: LimitWays): { readonly memory: string; readonly cores: string } {
  const memory = group?.limitsMemory ? group.name : "not limited";
  return { memory, cores: group?.limitsCores ? group.name : taskset === undefined ? "not limited" : "taskset" };
}
