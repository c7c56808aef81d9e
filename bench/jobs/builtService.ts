import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "tsup";
import type { ServiceConnection } from "../../src/service/index.ts";
import { shareName } from "./caller.ts";
import { launcher, service as serviceBuild } from "../../tsup.config.ts";

const root = join(import.meta.dirname, "../..");

/** Builds the command line and the launcher as in the package. Returns the path of the command line. */
export async function buildPackage(): Promise<string> {
  const outDir = join(root, "temp/bench-jobs/dist");
  await mkdir(outDir, { recursive: true });
  await copyFile(join(root, "package.json"), join(outDir, "../package.json"));
  await build({ ...serviceBuild, config: false, silent: true, outDir });
  return join(outDir, "cli/main.js");
}

/** Processor time in milliseconds, and memory in MB (10⁶ bytes). */
export interface Usage {
  /** Of the service itself. */
  readonly service: number;
  /** Of its launcher. */
  readonly launcher: number;
  /** Of everything that the launcher has started and that has ended: supervisors and the processes of jobs. */
  readonly runs: number;
  readonly memory: number;
  readonly launcherMemory: number;
  readonly descriptors: number;
}

/** A service in its own process, as `batchai serve` starts it. */
export class BuiltService {
  readonly connection: ServiceConnection;
  /** Milliseconds from the start of the process until it accepted requests. */
  readonly startInMs: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, connection: ServiceConnection, startInMs: number) {
    this.#child = child;
    this.connection = connection;
    this.startInMs = startInMs;
  }

  /** Starts a service, which accepts requests when the promise resolves. */
  static async start(main: string, folder: string): Promise<BuiltService> {
    const dataDir = join(folder, "data");
    const began = performance.now();
    const flags = [
      "--data-dir",
      dataDir,
      "--port",
      "0",
      "--files-port",
      "0",
      "--mount-root",
      join(folder, "roots"),
      "--log-level",
      "warn",
    ];
    const child = spawn(process.execPath, [...nodeFlags(), main, "serve", ...flags], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    process.once("exit", () => child.kill("SIGKILL"));
    const file = join(dataDir, "connection.json");
    while (!existsSync(file)) {
      if (child.exitCode !== null) throw new Error(`The service ended with ${child.exitCode}.`);
      await delay(5);
    }
    const startInMs = performance.now() - began;
    mkdirSync(join(dataDir, "files/batchaistorage", shareName), { recursive: true });
    return new BuiltService(child, JSON.parse(readFileSync(file, "utf8")) as ServiceConnection, startInMs);
  }

  usage(): Usage {
    const pid = this.#child.pid ?? 0;
    const [own, , memory] = timesOf(pid);
    const launcherPid = childrenOf(pid).find((child) => commandLineOf(child).includes(launcher));
    const [launcherOwn, runs, launcherMemory] = launcherPid === undefined ? [0, 0, 0] : timesOf(launcherPid);
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    return { service: own, launcher: launcherOwn, runs, memory, launcherMemory, descriptors };
  }

  /** Waits until the service has used no processor time for half a second. */
  async untilIdle(): Promise<void> {
    for (let before = -1, now = this.usage().service; now !== before; now = this.usage().service) {
      before = now;
      await delay(500);
    }
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    await ended;
  }
}

/** Flags for Node.js from the environment, for example to profile the service. */
function nodeFlags(): string[] {
  return (process.env.BENCH_NODE_FLAGS ?? "").split(" ").filter(Boolean);
}

const tickInMs = 10;

/** Processor time of a process and of its ended children in milliseconds, and its memory in MB. */
function timesOf(pid: number): [own: number, children: number, memory: number] {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
  const memory = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
  return [(user + system) * tickInMs, (childUser + childSystem) * tickInMs, (memory * 1024) / 1e6];
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean).map(Number);
}

function commandLineOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "latin1");
}
