import { appendToLogs } from "../executionLog.ts";
import type { LaunchPlan } from "../engines/engine.ts";
import { createLogFolders } from "../engines/supervisor/runFolders.ts";

/**
 * The execution logs of a run before its engine has it, for what keeps it waiting, such as a pull. Most runs never write
 * to it, so nothing is created before the first sentence.
 */
export class StartLog {
  readonly #planOf: () => LaunchPlan;
  #paths: readonly string[] | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** @param planOf - Returns a plan that has the logs, whatever else it lacks. May throw: then nothing is written. */
  constructor(planOf: () => LaunchPlan) {
    this.#planOf = planOf;
  }

  /** Appends a sentence. Never throws, because a log is for people. */
  readonly report = (text: string): void => {
    this.#paths ??= this.#findPaths();
    const paths = this.#paths;
    if (paths.length > 0) this.#writing = this.#writing.then(() => appendToLogs(paths, text));
  };

  /** Waits until everything is written. */
  written(): Promise<void> {
    return this.#writing;
  }

  /** Whatever is wrong with the plan or its folders, the start of the run reports it. */
  #findPaths(): readonly string[] {
    try {
      return createLogFolders(this.#planOf());
    } catch {
      return [];
    }
  }
}
