import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LaunchPlan, LaunchProcess } from "../../src/service/engines/engine.ts";

/** What a test says about a run; the rest is made up. */
export interface RunSketch {
  readonly commands: readonly string[];
  readonly preparation?: readonly string[];
  readonly nodes?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly plan?: Partial<LaunchPlan>;
}

/** A temporary folder with everything that runs need, and a mark by which their processes are found. */
export class Workplace {
  readonly folder: string;
  /** IDs of the runs whose plans it has made. */
  readonly runIds: string[] = [];
  readonly #planParts: Partial<LaunchPlan>;

  private constructor(folder: string, planParts: Partial<LaunchPlan>) {
    this.folder = folder;
    this.#planParts = planParts;
  }

  /** @param planParts - Returns parts of every plan, given the folder. */
  static async make(planParts: (folder: string) => Partial<LaunchPlan> = () => ({})): Promise<Workplace> {
    const folder = await mkdtemp(join(tmpdir(), "batchai engine-"));
    return new Workplace(folder, planParts(folder));
  }

  /** Folder of the folders of runs. */
  get runs(): string {
    return join(this.folder, "runs");
  }

  /** A plan whose commands go to the nodes in turn. */
  plan(sketch: string | RunSketch): LaunchPlan {
    const {
      commands,
      preparation = [],
      nodes = 1,
      environment = {},
      plan = {},
    } = typeof sketch === "string" ? { commands: [sketch] } : sketch;
    const runId = randomUUID();
    this.runIds.push(runId);
    const runDirectory = join(this.runs, runId);
    const output = this.output(runId);
    const nodeIds = Array.from({ length: nodes }, (_, index) => `node${index}`);
    const step =
      (name: string) =>
      (commandLine: string, index: number): LaunchProcess => ({
        name: `${name} ${index}`,
        nodeId: nodeIds[index % nodes] ?? "",
        commandLine,
        environment: { STEP: `${name}${index}` },
        stdout: join(output, `stdout-${name}${index}.txt`),
        stderr: join(output, `stderr-${name}${index}.txt`),
      });
    return {
      runId,
      runDirectory,
      nodes: nodeIds.map((nodeId) => ({
        nodeId,
        address: "127.0.0.1",
        gpus: [],
        tempDirectory: this.#scratch(nodeId, runId),
        executionLog: join(output, `execution-${nodeId}.log`),
      })),
      scratchRoots: [],
      files: [],
      mounts: [],
      environment: { WORKPLACE: this.folder, ...environment },
      preparation: preparation.map(step("prep")),
      processes: commands.map(step("proc")),
      ...this.#planParts,
      ...plan,
      directories: [...nodeIds.map((nodeId) => this.#scratch(nodeId, runId)), ...(plan.directories ?? [])],
    };
  }

  #scratch(nodeId: string, runId: string): string {
    return join(this.folder, "nodes", nodeId, runId);
  }

  /** Folder of a run's output files. */
  output(runId: string): string {
    return join(this.folder, "output", runId);
  }

  /** Text of an output file, for example `stdout-proc0.txt`. */
  read(plan: LaunchPlan, file: string): Promise<string> {
    return readFile(join(this.output(plan.runId), file), "utf8");
  }

  /** Command lines of the living processes that name this workplace in their environment or command line. */
  processes(): string[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => `${textOf(`/proc/${pid}/environ`)}${textOf(`/proc/${pid}/cmdline`)}`.includes(this.folder))
      .filter((pid) => !/\) [ZX] /.test(textOf(`/proc/${pid}/stat`)))
      .map((pid) => `${pid}: ${textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").slice(0, 100)}`);
  }

  /** Part of a command line: waits until {@link Workplace.open} opens this gate. */
  gate(name: string): string {
    return `until [ -e "$WORKPLACE/${name}" ]; do sleep 0.02; done`;
  }

  /** Lets the runs go on that wait at a gate. */
  async open(gate: string): Promise<void> {
    await writeFile(join(this.folder, gate), "");
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Text of a file of /proc; empty when the process has ended. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
