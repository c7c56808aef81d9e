import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import type { EngineUnderTest } from "./engineUnderTest.ts";

/** The engine under test, by default with a short grace period. */
export function makeEngine(runsFolder: string, gracePeriodInMs = 1000, finishPeriodInMs = 60_000): ProcessEngine {
  return new ProcessEngine({ runsFolder, gracePeriodInMs, finishPeriodInMs });
}

export async function openEngine(): Promise<EngineUnderTest> {
  return { makeEngine };
}
