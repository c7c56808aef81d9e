import { appendToLogs } from "../executionLog.ts";
import type { LaunchPlan } from "../engines/engine.ts";
import { isShortage, StartError } from "../startError.ts";
import { createLogFolders } from "../engines/supervisor/runFolders.ts";

/**
 * The execution logs of a run before its engine has it, for what keeps it waiting, such as a pull. Most runs never write
 * to it, so nothing is created before the first sentence.
 */
export class StartLog {
  readonly #planOf: () => LaunchPlan;
  #paths: readonly string[] | undefined;
  #writing: Promise<void> = Promise.resolve();

  /**
   * @param planOf - Returns a plan that has the logs, whatever else it lacks, and lets clients see them. May throw: then
   * nothing is written.
   */
  constructor(planOf: () => LaunchPlan) {
    this.#planOf = planOf;
  }

  /**
   * Carries out a part of the start, which gets a function that appends a sentence. The function never throws, because a
   * log is for people. If the part fails for good, the log says why.
   */
  async during<T>(part: (report: (text: string) => void) => Promise<T>): Promise<T> {
    try {
      return await part((text) => {
        this.#report(text);
      });
    } catch (error) {
      const isFinal = error instanceof StartError && !isShortage(error);
      if (isFinal) this.#report(`Run failed: ${error.reason}`);
      throw error;
    } finally {
      await this.#writing;
    }
  }

  #report(text: string): void {
    this.#paths ??= this.#findPaths();
    const paths = this.#paths;
    if (paths.length > 0) this.#writing = this.#writing.then(() => appendToLogs(paths, text));
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
