import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ServiceConnection } from "../../src/service/index.ts";
import { allProcesses } from "./processes.ts";
import type { Report } from "./report.ts";
import type { Stage } from "./stage.ts";

const startLimitInMs = 30_000;
const stopLimitInMs = 20_000;

/** The service that the suite disturbs, started as users start it: `batchai serve`. */
export class Subject {
  /** Changes if the data folder is moved. */
  dataDir: string;
  /** Variables of the next start, for a clock that can be set. */
  environment: Readonly<Record<string, string>> = {};
  /** Further flags of `batchai serve`. */
  flags: readonly string[] = [];
  /** Path of its script. */
  readonly main: string;
  readonly #stage: Stage;
  readonly #report: Report;
  #child: ChildProcess | undefined;
  #connection: ServiceConnection | undefined;
  /** Whether the suite itself ends the service. */
  #ending = false;

  constructor(main: string, dataDir: string, stage: Stage, report: Report) {
    this.main = main;
    this.dataDir = dataDir;
    this.#stage = stage;
    this.#report = report;
  }

  /** Where the service listens; that of the last start if it is down. */
  get connection(): ServiceConnection {
    if (this.#connection === undefined) throw new Error("The service was never started.");
    return this.#connection;
  }

  /** Undefined if it is down. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Process ID of its launcher. */
  get launcher(): number | undefined {
    const { pid } = this;
    return allProcesses().find(({ parent, command }) => parent === pid && command.includes("launcher"))?.pid;
  }

  /** Starts the service. Returns undefined if it accepts requests, else what it printed. */
  async tryStart(): Promise<string | undefined> {
    if (this.#child) return undefined;
    const begin = performance.now();
    const child = this.#spawn();
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
    const exited = once(child, "exit").then(() => true);
    while (!output.includes("Press Ctrl-C")) {
      const late = performance.now() - begin > startLimitInMs;
      if (late) child.kill("SIGKILL");
      if (await Promise.race([exited, delay(20, false)]))
        return `${late ? "no start in time: " : ""}${this.#endOfLog()}`;
    }
    this.#report.count("starts");
    this.#report.sample("start in ms", performance.now() - begin);
    this.#connection = JSON.parse(readFileSync(join(this.dataDir, "connection.json"), "utf8")) as ServiceConnection;
    this.#child = child;
    child.once("exit", (code, signal) => this.#exited(child, `${String(code)} ${String(signal)}`));
    return undefined;
  }

  /** Starts the service if it is down. A start that fails is a failure of the service. */
  async ensureUp(): Promise<void> {
    const failure = await this.tryStart();
    if (failure === undefined) return;
    await delay(1000);
    const again = await this.tryStart();
    this.#report.hurt("start", `the service does not start without a disturbance: ${failure.slice(-400)}`);
    if (again !== undefined) throw new Error(`The service does not start: ${again.slice(-400)}`);
  }

  /** Ends the service without warning, as a crash would. */
  async kill(): Promise<void> {
    if (this.#child) this.#report.count("kills: service");
    await this.#end("SIGKILL");
  }

  /** Stops the service. It must end in time, and with exit code 0. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const stopped = this.#end("SIGTERM").then(() => true);
    if (await Promise.race([stopped, delay(stopLimitInMs, false, { ref: false })])) {
      if (child.exitCode !== 0) this.#report.hurt("stop", `SIGTERM: exit code ${String(child.exitCode)}`);
      return;
    }
    this.#report.hurt("stop", `the service runs ${stopLimitInMs / 1000} s after SIGTERM`);
    await this.#end("SIGKILL");
  }

  #spawn(): ChildProcess {
    const folders = ["--data-dir", this.dataDir, "--mount-root", this.#stage.mountRoot];
    const variables = Object.entries(this.environment).map(([name, value]) => `${name}=${value}`);
    const serve = ["serve", ...folders, "--port", "0", "--files-port", "0", ...this.flags];
    const [program, ...args] = this.#stage.asUser(["env", ...variables, process.execPath, this.main, ...serve]);
    // Only for the service: a library that it preloads must not run in setpriv, which is another user's process.
    const log = openSync(this.#stage.log, "a");
    const child = spawn(program, args, {
      cwd: this.#stage.folder,
      env: { ...process.env, HOME: this.#stage.folder },
      stdio: ["ignore", "pipe", log],
    });
    closeSync(log);
    return child;
  }

  async #end(name: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#ending = true;
    const gone = once(child, "exit");
    child.kill(name);
    await gone;
    this.#ending = false;
  }

  #endOfLog(): string {
    return readFileSync(this.#stage.log, "utf8").slice(-1000);
  }

  #exited(child: ChildProcess, how: string): void {
    if (this.#child === child) this.#child = undefined;
    forgetClock(child.pid);
    if (!this.#ending) this.#report.hurt("crash", `the service ended by itself: ${how}`);
  }
}

/** Removes what libfaketime leaves if its process is killed. */
function forgetClock(pid = 0): void {
  for (const name of ["faketime_shm", "sem.faketime_sem"]) rmSync(`/dev/shm/${name}_${pid}`, { force: true });
}
