import { join } from "node:path";
import { appendToLogs } from "../executionLog.ts";
import type { Run } from "../state/runs.ts";
import type { SchedulerContext } from "./context.ts";

/**
 * Appends a sentence to the execution log of a run, on its first node. Only a log on a share of the service is written: one
 * on another volume may be the one that fails.
 */
export async function writeToLog(
  { store }: Pick<SchedulerContext, "store">,
  { id, nodes }: Run,
  text: string,
): Promise<void> {
  const output = store.runs.find(id)?.outputs.stdouterr;
  if (output?.share === undefined) return;
  const name = nodes.length === 1 ? "execution.log" : `execution-${String(nodes[0])}.log`;
  await appendToLogs([join(output.path, name)], text);
}
