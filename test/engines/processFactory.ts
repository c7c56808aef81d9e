import { ProcessEngine } from "../../src/service/engines/process.ts";

/** The engine under test, with a short grace period. */
export function makeEngine(): ProcessEngine {
  return new ProcessEngine({ gracePeriodInMs: 1000 });
}
