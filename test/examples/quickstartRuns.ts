import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { processesOf, RunningScript } from "./runNode.ts";

const QUICKSTART = fileURLToPath(new URL("../../examples/quickstart/quickstart.ts", import.meta.url));

/** Runs of the quickstart in a temporary folder. */
export class QuickstartRuns {
  readonly folder: string;
  readonly #running: RunningScript[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<QuickstartRuns> {
    return new QuickstartRuns(await mkdtemp(join(tmpdir(), "batchai quickstart-")));
  }

  /** Starts the quickstart with these parameters. It sees no variables of Batch AI and Azure but these. */
  start(parameters: readonly string[], variables: Readonly<Record<string, string>> = {}): RunningScript {
    const own = Object.entries(process.env).filter(([name]) => !/^(BATCHAI|AZURE)_/.test(name));
    const script = new RunningScript(QUICKSTART, parameters, {
      cwd: this.folder,
      env: { ...Object.fromEntries(own), ...variables },
    });
    this.#running.push(script);
    return script;
  }

  /** Interrupts what still runs, and removes the folder. Fails if a process is left. */
  async close(): Promise<void> {
    for (const { process: child, finished } of this.#running) {
      child.kill("SIGINT");
      await finished;
    }
    expect(processesOf(this.folder)).toEqual([]);
    await rm(this.folder, { recursive: true, force: true });
  }
}
