import { setTimeout as delay } from "node:timers/promises";
import type { BuiltService } from "./builtService.ts";
import { Caller } from "./caller.ts";
import { percentile, Probe } from "./probe.ts";

/** Figures of one minute of a soak. */
export interface Minute {
  readonly jobs: number;
  readonly memory: number;
  readonly launcherMemory: number;
  readonly descriptors: number;
  readonly getP50: number;
  readonly getP99: number;
  readonly processorShare: number;
}

/** Submits jobs at a steady rate for so many minutes, and calls `onMinute` after each. */
export async function soak(
  service: BuiltService,
  { minutes, perSecond }: { readonly minutes: number; readonly perSecond: number },
  onMinute: (minute: Minute) => void,
): Promise<void> {
  const caller = new Caller(service.connection);
  let jobs = 0;
  for (let minute = 0; minute < minutes; minute++) {
    const probe = new Probe(service, 50);
    const before = service.usage();
    const began = performance.now();
    for (let due = began; due < began + 60_000; due += 1000 / perSecond) {
      await delay(Math.max(0, due - performance.now()));
      await caller.createJob(`soak${(jobs += 1)}`, "true");
    }
    const latencies = await probe.stop();
    const { memory, launcherMemory, descriptors, service: spent } = service.usage();
    onMinute({
      jobs,
      memory,
      launcherMemory,
      descriptors,
      getP50: percentile(latencies, 0.5),
      getP99: percentile(latencies, 0.99),
      processorShare: (spent - before.service) / (performance.now() - began),
    });
  }
  await caller.untilEnded(`soak${jobs}`);
  caller.close();
}
