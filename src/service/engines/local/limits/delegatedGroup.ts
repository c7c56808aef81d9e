import { accessSync, appendFileSync, constants, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode } from "../../../../ground/systemErrors.ts";
import { readProcesses } from "../../../../ground/processTable.ts";
import { wordsOf } from "./controlGroups.ts";
import { type ControlGroup, groupNameOf, type GroupSetting, type GroupWay, type LimitMachine } from "./groupWay.ts";
import { ownGroup } from "./ownGroup.ts";
import { enterPrefix, quotaOf } from "./versionOneGroups.ts";

/** Name of the group for the service itself: a group whose children have limits contains no processes. */
const serviceGroup = "service";

/**
 * Returns the way of cgroup version 2: groups in the group that was delegated to the service. If the service is in that
 * group itself, and nothing else is, it moves to a subgroup; but not in a unit of systemd, which could not start the unit
 * again (219/CGROUP) while runs are in its subgroups. Units have `DelegateSubgroup`.
 */
export function delegatedGroup({ proc, isUnit }: LimitMachine): GroupWay | undefined {
  const own = ownGroup(proc);
  if (own === undefined) return undefined;
  try {
    const hasMoved = own.folder !== own.mount && basename(own.folder) === serviceGroup;
    const parent = hasMoved ? dirname(own.folder) : own.folder;
    checkWritable(parent);
    const controllers = wordsOf(join(parent, "cgroup.controllers"));
    const wanted = ["memory", "cpu"].filter((controller) => controllers.includes(controller));
    if (wanted.length === 0 || (!hasMoved && (isUnit || !moveTo(parent)))) return undefined;
    const enabled = wanted.filter((controller) => enable(parent, controller));
    return enabled.length === 0 ? undefined : groupsIn(parent, enabled);
  } catch {
    return undefined; // It is not delegated.
  }
}

function groupsIn(parent: string, controllers: readonly string[]): GroupWay {
  const groupOf = (runId: string): string => join(parent, groupNameOf(runId));
  return {
    name: "a control group (cgroup version 2)",
    limitsMemory: controllers.includes("memory"),
    limitsCores: controllers.includes("cpu"),
    parents: [parent],
    memoryFiles(runId) {
      return { counter: join(groupOf(runId), "memory.events"), limit: join(groupOf(runId), "memory.max") };
    },
    start(runId, { memoryInBytes, cores }, bash) {
      const hasMemory = this.limitsMemory && memoryInBytes !== undefined;
      const settings: GroupSetting[] = [];
      if (hasMemory) {
        settings.push({ file: "memory.max", value: String(memoryInBytes) });
        settings.push({ file: "memory.swap.max", value: "0", isOptional: true });
      }
      if (this.limitsCores && cores !== undefined) {
        settings.push({ file: "cpu.max", value: `${quotaOf(cores)} 100000` });
      }
      const groups: ControlGroup[] = [{ folder: groupOf(runId), settings }];
      const counter = hasMemory ? join(groupOf(runId), "memory.events") : undefined;
      return { groups, prefix: enterPrefix(bash, groups, counter, memoryInBytes) };
    },
  };
}

function checkWritable(group: string): void {
  for (const name of ["", "cgroup.procs", "cgroup.subtree_control"]) accessSync(join(group, name), constants.W_OK);
}

/** Moves the service and its launcher to a subgroup. Returns false if anything else is in the group. */
function moveTo(parent: string): boolean {
  const pids = wordsOf(join(parent, "cgroup.procs")).map(Number);
  const own = ownProcesses();
  if (!pids.every((pid) => own.has(pid))) return false;
  const folder = join(parent, serviceGroup);
  try {
    mkdirSync(folder);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error; // An earlier service has created it.
  }
  for (const pid of pids) appendFileSync(join(folder, "cgroup.procs"), `${pid}\n`);
  return true;
}

/** Returns the pids of this process and its descendants. */
function ownProcesses(): Set<number> {
  const own = new Set([process.pid]);
  const entries = readProcesses().sort((a, b) => Number(a.started) - Number(b.started));
  for (const { pid, parent } of entries) if (own.has(parent)) own.add(pid);
  return own;
}

function enable(group: string, controller: string): boolean {
  const file = join(group, "cgroup.subtree_control");
  if (wordsOf(file).includes(controller)) return true;
  try {
    appendFileSync(file, `+${controller}\n`);
    return true;
  } catch {
    return false;
  }
}
