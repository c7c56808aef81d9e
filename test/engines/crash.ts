import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LaunchPlan } from "../../src/service/engines/engine.ts";
import { textOf, type Workplace } from "./workplace.ts";

/** Has another process start the runs; then kills that process and its children without warning. */
export async function startAndCrash(factory: URL, workplace: Workplace, plans: readonly LaunchPlan[]): Promise<void> {
  const planFile = join(workplace.folder, "plans.json");
  await writeFile(planFile, JSON.stringify(plans));
  const script = fileURLToPath(new URL("./crashingService.ts", import.meta.url));
  const service = spawn(process.execPath, [script, factory.href, workplace.runs, planFile], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const started = once(service.stdout, "data");
  const ended = once(service, "exit").then(([code]) =>
    Promise.reject(new Error(`It ended with ${String(code)} instead.`)),
  );
  await Promise.race([started, ended]);
  ended.catch(() => undefined);
  const { pid } = service;
  if (pid === undefined) throw new Error("The service did not start.");
  const victims = [pid, ...childrenOf(pid)];
  const gone = once(service, "exit");
  for (const victim of victims) process.kill(victim, "SIGKILL");
  await gone;
}

/** Pids of the children of a process. */
export function childrenOf(parent: number): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parentOf = (pid: string): number => Number(/\) . (\d+)/.exec(textOf(`/proc/${pid}/stat`))?.[1]);
  return pids.filter((pid) => parentOf(pid) === parent).map(Number);
}
