import { sizeText } from "../../../../ground/sizeText.ts";
import type { LaunchLimits } from "../../engine.ts";
import type { CoreMasks } from "./coreMasks.ts";
import type { GroupWay, LimitedStart } from "./groupWay.ts";
import type { LimitWays } from "./limitWays.ts";

/** A run to be limited. */
export interface LimitedRun {
  readonly runId: string;
  readonly limits: LaunchLimits;
  /** Absolute path of bash. */
  readonly bash: string;
}

/** Returns the starts to try for a run, the one that limits most first. The last one needs no control group. */
export function limitedStarts(run: LimitedRun, { group, taskset }: LimitWays, masks: CoreMasks): LimitedStart[] {
  const { runId, limits, bash } = run;
  const cores = coresWithoutGroup(run, taskset, masks);
  const memoryNotes = memoryNotesOf(limits);
  const plain = { ...cores, name: "taskset", groups: [], notes: [...cores.notes, ...memoryNotes] };
  if (group === undefined || !isUsed(group, limits)) return [plain];
  const other = group.limitsCores ? nothing : cores;
  const { prefix, ...start } = group.start(runId, limits, bash);
  const notes = [...other.notes, ...(group.limitsMemory ? [] : memoryNotes)];
  return [{ ...start, name: group.name, prefix: [...other.prefix, ...prefix], notes }, plain];
}

function isUsed(group: GroupWay, { memoryInBytes, cores }: LaunchLimits): boolean {
  return (memoryInBytes !== undefined && group.limitsMemory) || (cores !== undefined && group.limitsCores);
}

const nothing: Pick<LimitedStart, "prefix" | "notes"> = { prefix: [], notes: [] };

function coresWithoutGroup(
  { runId, limits: { cores } }: LimitedRun,
  taskset: string | undefined,
  masks: CoreMasks,
): Pick<LimitedStart, "prefix" | "notes"> {
  if (cores === undefined) return nothing;
  if (taskset === undefined) {
    const limit = cores === 1 ? "1 core" : `${cores} cores`;
    return { prefix: [], notes: [`The limit of ${limit} is not enforced: taskset was not found.`] };
  }
  const mask = masks.take(runId, cores);
  return mask === undefined ? nothing : { prefix: [taskset, "-c", mask.join(",")], notes: [] };
}

function memoryNotesOf({ memoryInBytes }: LaunchLimits): string[] {
  if (memoryInBytes === undefined) return [];
  const reason = "the service may not use a control group for it";
  return [`The memory limit of ${sizeText(memoryInBytes)} is not enforced: ${reason}.`];
}
