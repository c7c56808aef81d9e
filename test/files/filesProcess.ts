import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ShareServiceClient } from "@azure/storage-file-share";
import { until } from "../until.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/** An account as `accounts.json` describes it. */
export interface DescribedAccount {
  readonly name: string;
  readonly key: string;
  readonly fileEndpoint: string;
  readonly connectionString: string;
}

/** The machine that an endpoint finds. */
export interface Circumstances {
  /** Limit of its open files. */
  readonly openFiles?: number;
  /** Variables of its environment, in addition to those of the tests. */
  readonly variables?: Readonly<Record<string, string>>;
  /** The user who runs it. */
  readonly user?: number;
}

/** The endpoint in a process of its own, started as users start it: `batchai files`. */
export class FilesProcess {
  readonly dataDir: string;
  readonly accounts: readonly DescribedAccount[];
  readonly #child: ChildProcess;
  readonly #output: string[];

  private constructor(dataDir: string, accounts: readonly DescribedAccount[], child: ChildProcess, output: string[]) {
    this.dataDir = dataDir;
    this.accounts = accounts;
    this.#child = child;
    this.#output = output;
  }

  static async start(
    dataDir: string,
    flags: readonly string[] = ["--port", "0"],
    { openFiles, variables, user }: Circumstances = {},
  ): Promise<FilesProcess> {
    const limit = openFiles === undefined ? [] : ["sh", "-c", `ulimit -n ${openFiles}; exec "$0" "$@"`];
    const asUser = user === undefined ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
    const command = [...asUser, ...limit, process.execPath, main, "files", "--data-dir", dataDir, ...flags];
    const [program = "", ...args] = command;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...variables } });
    // A test that fails half-way leaves no server behind.
    process.once("exit", () => child.kill("SIGKILL"));
    const output: string[] = [];
    child.stdout.setEncoding("utf8").on("data", (text: string) => output.push(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => output.push(text));
    await until("the endpoint accepts requests", () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${String(child.exitCode)}: ${output.join("")}`);
      return output.join("").includes("Press Ctrl-C");
    });
    const accounts = JSON.parse(await readFile(join(dataDir, "accounts.json"), "utf8")) as DescribedAccount[];
    return new FilesProcess(dataDir, accounts, child, output);
  }

  /** The account that every test needs. */
  get account(): DescribedAccount {
    const [first] = this.accounts;
    if (first === undefined) throw new Error("There is no account.");
    return first;
  }

  /** The official client, without retries. */
  client(): ShareServiceClient {
    return ShareServiceClient.fromConnectionString(this.account.connectionString, { retryOptions: { maxTries: 1 } });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Its whole output and log. */
  get output(): string {
    return this.#output.join("");
  }

  /** Its current memory and its peak memory, in bytes. */
  async memory(): Promise<{ now: number; peak: number }> {
    const status = await readFile(`/proc/${String(this.#child.pid)}/status`, "utf8");
    const bytes = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
    return { now: bytes("VmRSS"), peak: bytes("VmHWM") };
  }

  /** Returns what other users of this machine may see: its `cmdline`, or its `environ`. */
  async seenAt(place: string): Promise<string> {
    return readFile(`/proc/${String(this.#child.pid)}/${place}`, "utf8");
  }

  /** Number of its open files and connections. */
  async openFiles(): Promise<number> {
    return (await readdir(`/proc/${String(this.#child.pid)}/fd`)).length;
  }

  /** Kills it, like a crash. */
  async kill(): Promise<void> {
    await this.stop("SIGKILL");
  }

  /** Stops it with a signal. Returns its exit code, or the signal that killed it. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.kill(signal);
      await ended;
    }
    return this.#child.exitCode ?? this.#child.signalCode;
  }
}
