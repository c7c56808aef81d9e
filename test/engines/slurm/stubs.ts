import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { SlurmCommands } from "../../../src/service/engines/slurm/slurmCommands.ts";
import type { SlurmSubmission } from "../../../src/service/engines/slurm/sbatchOptions.ts";
import { silentLogger } from "../../../src/service/logger.ts";

type Name = "sbatch" | "squeue" | "scancel" | "scontrol";

/** Stubs of the programs of Slurm, which do what a test says. */
export class Stubs {
  readonly folder = mkdtempSync(join(tmpdir(), "batchai-stubs-"));
  readonly #closing = new AbortController();

  constructor() {
    onTestFinished(() => {
      this.close();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Sets what a program does from now on, as lines of bash. Its calls are counted. */
  behave(name: Name, lines: string): void {
    const temporary = join(this.folder, `${name}.new`);
    const log = `printf '%s\\0' "$@" call >> "${this.folder}/${name}.calls"`;
    writeFileSync(temporary, `#!/bin/bash\n${log}\n${lines}\n`, { mode: 0o755 });
    renameSync(temporary, join(this.folder, name));
  }

  /** Returns the arguments of each call. */
  calls(name: Name): string[][] {
    const log = join(this.folder, `${name}.calls`);
    if (!existsSync(log)) return [];
    const calls: string[][] = [[]];
    for (const argument of readFileSync(log, "utf8").split("\0").slice(0, -1)) {
      if (argument === "call") calls.push([]);
      else calls.at(-1)?.push(argument);
    }
    return calls.slice(0, -1);
  }

  /** Writes a file in the folder, which a stub may read. */
  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** Whether a stub has written a whole line to a file in the folder. */
  has(name: string): boolean {
    return existsSync(join(this.folder, name)) && this.read(name).endsWith("\n");
  }

  /** Returns the text of a file that a stub has written in the folder. */
  read(name: string): string {
    return readFileSync(join(this.folder, name), "utf8");
  }

  commands(options: { readonly limitInMs?: number; readonly variables?: NodeJS.ProcessEnv } = {}): SlurmCommands {
    const { variables, ...others } = options;
    const environment = { ...process.env, PATH: `${this.folder}:/usr/bin:/bin`, ...variables };
    return new SlurmCommands({ environment, closing: this.#closing.signal, logger: silentLogger, ...others });
  }

  /** Closes the engine to which the programs belong. */
  close(): void {
    this.#closing.abort();
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }
}

/** Returns a job for `sbatch`. */
export function submissionOf(changes: Partial<SlurmSubmission> = {}): SlurmSubmission {
  return {
    name: "batchai-s1-r1",
    allocation: { gpusPerNode: 0 },
    nodeCount: 1,
    script: "/shared/run/script",
    args: [],
    output: "/shared/run/output",
    ...changes,
  };
}

/** Returns a line of `squeue`. */
export function lineOf(name: string, state = "PENDING", reason = "Priority", id = "7"): string {
  return `${id}|${state}|${reason}|N/A||2026-11-28T18:15:02|${name}`;
}
