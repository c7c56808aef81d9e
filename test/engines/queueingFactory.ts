import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import type { EngineUnderTest } from "./engineUnderTest.ts";
import { QueueingEngine } from "./queueingEngine.ts";

/** The engine under test, by default with a short grace period. */
export function makeEngine(runsFolder: string, gracePeriodInMs = 1000): QueueingEngine {
  return new QueueingEngine(new ProcessEngine({ runsFolder, gracePeriodInMs }), true);
}

export async function openEngine(): Promise<EngineUnderTest> {
  return { makeEngine };
}
