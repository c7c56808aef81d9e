import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServiceConnection } from "../../src/service/index.ts";
import { until } from "../until.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/** A service in a process of its own, started as users start it: `batchai serve`. */
export class ServiceProcess {
  readonly dataDir: string;
  readonly connection: ServiceConnection;
  readonly #child: ChildProcess;
  readonly #output: string[];

  private constructor(dataDir: string, connection: ServiceConnection, child: ChildProcess, output: string[]) {
    this.dataDir = dataDir;
    this.connection = connection;
    this.#child = child;
    this.#output = output;
  }

  static async start(
    dataDir: string,
    flags: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
    prefix: readonly string[] = [],
  ): Promise<ServiceProcess> {
    const options = ["--data-dir", dataDir, "--port", "0", "--files-port", "0", "--log-level", "debug", ...flags];
    const [program = "", ...args] = [...prefix, process.execPath, main, "serve", ...options];
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    const output: string[] = [];
    child.stdout.setEncoding("utf8").on("data", (text: string) => output.push(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => output.push(text));
    const connectionFile = join(dataDir, "connection.json");
    await until(`the service accepts requests`, () => {
      if (child.exitCode !== null)
        throw new Error(`the service ended with ${String(child.exitCode)}: ${output.join("")}`);
      return output.join("").includes("Batch AI API") && existsSync(connectionFile);
    }).catch((error: unknown) => {
      child.kill("SIGKILL");
      throw error;
    });
    const connection = JSON.parse(readFileSync(connectionFile, "utf8")) as ServiceConnection;
    return new ServiceProcess(dataDir, connection, child, output);
  }

  /** Everything that it has printed and logged. */
  get output(): string {
    return this.#output.join("");
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Ends it without warning, as a crash would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Asks it to stop; answers its exit code. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    await this.#end(signal);
    return this.#child.exitCode;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    await ended;
  }
}

/** Runs `work` with a new folder, which is removed afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "batchai-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
