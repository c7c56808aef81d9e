import type { Engine, LaunchPlan } from "../../src/service/engines/engine.ts";

/** An engine that tests try, and what they need to know about it. */
export interface EngineUnderTest {
  /** Makes the engine, by default with a short grace period. */
  readonly makeEngine: (runsFolder: string, gracePeriodInMs?: number) => Engine;
  /** Returns parts of every plan, for example its container, given the folder in which the runs work. */
  readonly planParts?: (folder: string) => Partial<LaunchPlan>;
  /** Names that the queueing system has for the nodes of a run, in their order. Default: their addresses. */
  readonly hostNames?: readonly string[];
  /** Returns what is left of runs that have ended, besides processes. */
  readonly leftovers?: (runIds: readonly string[]) => Promise<string[]>;
}

/** Returns the engine of a module that exports `openEngine`. */
export async function engineOf(factory: URL): Promise<EngineUnderTest> {
  const { openEngine } = (await import(factory.href)) as { openEngine: () => Promise<EngineUnderTest> };
  return openEngine();
}
