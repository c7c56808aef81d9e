import { spawn, type ChildProcess, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { until } from "../until.ts";

const controlGroups = "/sys/fs/cgroup";

/** A program in the sandbox. */
export interface SandboxedProgram {
  /** Kills the program, not what it started, and resolves when it has ended. */
  kill(): Promise<void>;
  /** Sends a signal to the program. */
  signal(name: NodeJS.Signals): void;
  /** Whether the program is alive. */
  isAlive(): boolean;
}

/**
 * Namespaces of their own for container engines: mounts, processes and control groups. When the sandbox closes, or this
 * process ends in whatever way, the kernel ends every process in it, and no mount is left.
 */
export class Sandbox {
  /** Folder for the files of the programs; removed when the sandbox closes. */
  readonly folder: string;
  readonly #name: string;
  readonly #holder: ChildProcessByStdio<Writable, Readable, null>;
  /** The processes outside of the sandbox that wait for its programs. */
  readonly #waiting = new Set<ChildProcess>();

  private constructor(folder: string, name: string, holder: ChildProcessByStdio<Writable, Readable, null>) {
    this.folder = folder;
    this.#name = name;
    this.#holder = holder;
  }

  static async open(): Promise<Sandbox> {
    // /tmp may be a memory file system, where container engines cannot keep images.
    const folder = await mkdtemp("/var/tmp/batchai-containers-");
    const name = folder.split("/").at(-1) ?? folder;
    const script = fileURLToPath(new URL("./sandbox.sh", import.meta.url));
    const holder = spawn("bash", [script, name], { stdio: ["pipe", "pipe", "inherit"] });
    const sandbox = new Sandbox(folder, name, holder);
    const ended = once(holder, "exit").then(() => Promise.reject(new Error("The sandbox ended instead of starting.")));
    try {
      await Promise.race([once(holder.stdout, "data"), ended]);
    } catch (error) {
      await sandbox.close();
      throw error;
    }
    ended.catch(() => undefined);
    return sandbox;
  }

  /** Starts a program. `log` receives what it prints. */
  start(command: readonly string[], { log, environment = {} }: StartOptions): SandboxedProgram {
    const init = childOf(this.#holder);
    if (init === undefined) throw new Error("The sandbox has ended.");
    const output = openSync(log, "a");
    const program = spawn("nsenter", ["-t", String(init), "-m", "-p", "-C", "--", ...command], {
      stdio: ["ignore", output, output],
      env: { ...process.env, ...environment },
      detached: true,
    });
    closeSync(output);
    program.on("error", () => undefined);
    this.#waiting.add(program);
    program.on("exit", () => this.#waiting.delete(program));
    return {
      isAlive: () => isAlive(program),
      signal: (name) => {
        const pid = childOf(program);
        if (pid !== undefined) process.kill(pid, name);
        // nsenter stops with the program, but does not continue with it.
        if (name === "SIGCONT") program.kill(name);
      },
      kill: async () => {
        if (!isAlive(program)) return;
        const ended = once(program, "exit");
        // nsenter waits for the program, which it has started in the sandbox.
        await until("the program has started", () => childOf(program) !== undefined || !isAlive(program));
        const pid = childOf(program);
        if (pid !== undefined) process.kill(pid, "SIGKILL");
        program.kill("SIGCONT");
        await ended;
      },
    };
  }

  /** Ends everything in the sandbox and removes its folder and control groups. */
  async close(): Promise<void> {
    // The sandbox ends only when its programs have been waited for. If nsenter does not do it, init does.
    for (const program of this.#waiting) program.kill("SIGKILL");
    if (isAlive(this.#holder)) {
      const ended = once(this.#holder, "exit");
      this.#holder.stdin.end();
      await ended;
    }
    await until("the control groups are gone", () => this.#groups().every((group) => removeGroup(group)));
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #groups(): string[] {
    const hierarchies = readdirSync(controlGroups).filter((name) => !name.startsWith("cgroup."));
    return hierarchies.map((hierarchy) => join(controlGroups, hierarchy, this.#name));
  }
}

/** Options of {@link Sandbox.start}. */
export interface StartOptions {
  /** File to which the output of the program is appended. */
  readonly log: string;
  readonly environment?: Readonly<Record<string, string>>;
}

function isAlive({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}

function childOf({ pid }: ChildProcess): number | undefined {
  if (pid === undefined) return undefined;
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    return child ? Number(child) : undefined;
  } catch {
    return undefined;
  }
}

/** Removes a control group with those below it. Returns false as long as processes are in one of them. */
function removeGroup(group: string): boolean {
  try {
    const below = readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    if (!below.every(({ name }) => removeGroup(join(group, name)))) return false;
    rmdirSync(group);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}
