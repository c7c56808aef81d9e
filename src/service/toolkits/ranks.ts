import type { LaunchText } from "../engines/engine.ts";
import { nodeOf } from "./processCounts.ts";
import { soleProcess, taskIndexVariable, type ToolkitNode, type ToolkitProcess } from "./toolkit.ts";

/** Returns processes that run the same line on the nodes of a job and know their rank by `$AZ_BATCHAI_TASK_INDEX`. */
export function rankedProcesses(
  commandLine: string,
  count: number,
  nodes: readonly ToolkitNode[],
  environment: Readonly<Record<string, LaunchText>> = {},
): ToolkitProcess[] {
  return Array.from({ length: count }, (_, rank) => ({
    name: count === 1 ? soleProcess : `rank ${String(rank)}`,
    node: nodeOf(rank, count, nodes),
    commandLine,
    environment: { ...environment, [taskIndexVariable]: String(rank) },
    outputSuffix: `-${String(rank)}`,
  }));
}
