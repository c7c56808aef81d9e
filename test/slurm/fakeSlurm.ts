import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { openSync, closeSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { environmentVariableOf, readProcesses } from "../../src/ground/processTable.ts";
import type { FakeJob } from "./fakeJob.ts";
import { answerOf, type Answer, type FakeCall } from "./fakeAnswers.ts";

/** Programs of Slurm that are faked. */
export type FakeProgram = "sbatch" | "squeue" | "scancel" | "scontrol" | "srun";
const programs: readonly FakeProgram[] = ["sbatch", "squeue", "scancel", "scontrol", "srun"];

/** What a call does instead of, or beside, what it should. */
export interface Misbehavior {
  /** Whether the call is carried out. Default: true. */
  readonly isCarriedOut?: boolean;
  /** Whether the program never ends by itself, after the call was carried out or not. Default: false. */
  readonly hangs?: boolean;
  /** Time in milliseconds before the program ends. Default: 0. */
  readonly delayInMs?: number;
  /** Returns what the program prints instead of its output. */
  readonly stdout?: (output: string) => string;
  readonly stderr?: string;
  /** Exit code. Default: the one of the call, or 0 if it is not carried out. */
  readonly code?: number;
}

/**
 * A Slurm without nodes: fake programs that call this process. Jobs wait until the test starts them; then their scripts
 * run on this machine. Every call can fail in every way, which a real Slurm does not show on demand.
 */
export class FakeSlurm {
  /** Folder with the programs. */
  readonly bin: string;
  /** All jobs that it knows. Tests may change the jobs, add and remove some. */
  readonly jobs: FakeJob[] = [];
  /** All calls so far, those that failed included. */
  readonly calls: FakeCall[] = [];
  /** Name of the cluster that `sbatch --parsable` prints after the ID. */
  cluster: string | undefined;
  /** Whether jobs start when they are submitted. Default: false. */
  startsJobs = false;
  /** Seconds for which ended jobs are known, as `scontrol show config` prints it. Nothing is forgotten by itself. */
  minJobAgeInSeconds = 300;
  /** Whether the controller does not respond. Default: false. */
  isDown = false;
  readonly #folder: string;
  readonly #mark = randomBytes(8).toString("hex");
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #misbehaviors = new Map<FakeProgram, Misbehavior[]>();
  #nextId = 100;

  private constructor(folder: string) {
    this.#folder = folder;
    this.bin = join(folder, "bin");
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      // The program was killed.
      socket.on("error", () => undefined);
      this.#serve(socket).catch((error: unknown) => socket.end(`1 0\n${String(error)}`));
    });
  }

  static async open(): Promise<FakeSlurm> {
    const fake = new FakeSlurm(await mkdtemp(join(tmpdir(), "batchai-fake-slurm-")));
    fake.#server.listen(0, "127.0.0.1");
    await once(fake.#server, "listening");
    mkdirSync(fake.bin);
    const text = readFileSync(new URL("./fakeSlurm.sh", import.meta.url), "utf8");
    const script = join(fake.#folder, "program");
    const { port } = fake.#server.address() as AddressInfo;
    writeFileSync(script, text.replace("@PORT@", String(port)), { mode: 0o755 });
    for (const name of programs) symlinkSync(script, join(fake.bin, name));
    return fake;
  }

  /** Environment with which programs find the fake ones first. */
  get environment(): Readonly<{ PATH: string }> {
    return { PATH: `${this.bin}${delimiter}${process.env.PATH ?? ""}` };
  }

  /** Lets the next calls of a program misbehave. */
  misbehave(program: FakeProgram, misbehavior: Misbehavior, times = 1): void {
    const list = this.#misbehaviors.get(program) ?? [];
    for (let count = 0; count < Math.min(times, 1000); count++) list.push(misbehavior);
    this.#misbehaviors.set(program, list);
  }

  /** Lets all programs behave again. */
  behave(): void {
    this.#misbehaviors.clear();
    this.isDown = false;
  }

  /** Returns the calls of a program so far. */
  callsOf(program: FakeProgram): FakeCall[] {
    return this.calls.filter((call) => call.program === program);
  }

  /** Returns the job with a name. */
  job(name: string): FakeJob {
    const job = this.jobs.find((each) => each.name === name);
    if (job === undefined) throw new Error(`No job is called ${name}.`);
    return job;
  }

  /** Adds a job. Its ID is the next one, unless it has one. */
  add(job: Partial<FakeJob>): FakeJob {
    const added: FakeJob = {
      id: String(this.#nextId++),
      name: "other",
      state: "PENDING",
      reason: "None",
      nodes: "",
      nodeCount: 1,
      user: "root",
      partition: "main",
      submitted: new Date(),
      options: [],
      script: "",
      args: [],
      output: "/dev/null",
      folder: this.#folder,
      environment: {},
      ...job,
    };
    this.jobs.push(added);
    return added;
  }

  /** Lets the IDs of jobs begin again, as a controller does that has lost its state. */
  useIdsFrom(id: number): void {
    this.#nextId = id;
  }

  /** Starts a job: its script runs, and the state follows unless the test has changed it meanwhile. */
  start(job: FakeJob): void {
    job.state = "RUNNING";
    job.reason = "None";
    job.started = new Date();
    job.nodes = nodesOf(job.nodeCount);
    // Slurm also runs a copy.
    const script = join(this.#folder, `script-${job.id}-${randomBytes(4).toString("hex")}`);
    writeFileSync(script, job.script, { mode: 0o755 });
    const output = openSync(job.output, "a");
    const child = spawn(script, job.args, {
      cwd: job.folder,
      detached: true,
      stdio: ["ignore", output, output],
      env: { ...job.environment, ...this.#environmentOf(job) },
    });
    closeSync(output);
    job.process = child;
    const end = (state: string): void => {
      if (job.state === "RUNNING")
        Object.assign(job, { state, reason: state === "FAILED" ? "NonZeroExitCode" : "None" });
    };
    child.on("error", () => end("FAILED"));
    child.on("exit", (code) => end(code === 0 ? "COMPLETED" : "FAILED"));
  }

  /** Ends a job as `scancel` does: SIGTERM, and SIGKILL after a while. */
  cancel(job: FakeJob, graceInMs = 1000): void {
    this.end(job, "CANCELLED", "SIGTERM");
    setTimeout(() => this.signal(job, "SIGKILL"), graceInMs).unref();
  }

  /** Ends a job with a state, such as `NODE_FAIL`, and its processes with a signal. */
  end(job: FakeJob, state: string, signal: NodeJS.Signals = "SIGKILL"): void {
    job.state = state;
    this.signal(job, signal);
  }

  /** Forgets a job, as a controller does that has lost its state. Its processes continue. */
  forget(job: FakeJob): void {
    this.jobs.splice(this.jobs.indexOf(job), 1);
  }

  /** Ends all jobs and removes the programs. */
  async close(): Promise<void> {
    this.#kill("SIGKILL", () => true);
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #environmentOf(job: FakeJob): Record<string, string> {
    return {
      PATH: `${this.bin}${delimiter}${job.environment.PATH ?? process.env.PATH ?? ""}`,
      FAKE_SLURM_JOB: `${this.#mark}-${job.id}`,
      SLURM_JOB_ID: job.id,
      SLURM_JOB_NAME: job.name,
      SLURM_JOB_NODELIST: job.nodes,
      SLURM_NNODES: String(job.nodeCount),
      SLURM_JOB_NUM_NODES: String(job.nodeCount),
      SLURMD_NODENAME: "n1",
      SLURM_SUBMIT_DIR: job.folder,
    };
  }

  /** Sends a signal to all processes of a job. */
  signal(job: FakeJob, signal: NodeJS.Signals): void {
    this.#kill(signal, (mark) => mark === `${this.#mark}-${job.id}`);
  }

  #kill(signal: NodeJS.Signals, isMeant: (mark: string) => boolean): void {
    for (const { pid } of readProcesses()) {
      const mark = environmentVariableOf(pid, "FAKE_SLURM_JOB");
      if (mark?.startsWith(this.#mark) !== true || !isMeant(mark)) continue;
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  async #serve(socket: Socket): Promise<void> {
    const call = await readCall(socket);
    this.calls.push(call);
    const { isCarriedOut = true, hangs, delayInMs, ...rest } = this.#misbehaviors.get(call.program)?.shift() ?? {};
    const answer: Answer = isCarriedOut ? answerOf(call, this) : { stdout: "" };
    if (delayInMs !== undefined) await delay(delayInMs);
    if (hangs === true) return;
    const stdout = rest.stdout?.(answer.stdout) ?? answer.stdout;
    const stderr = rest.stderr ?? answer.stderr ?? "";
    socket.end(`${rest.code ?? answer.code ?? 0} ${Buffer.byteLength(stderr)}\n${stderr}${stdout}`);
  }
}

/** Returns nodes as Slurm writes them. */
function nodesOf(count: number): string {
  return count === 1 ? "n1" : `n[1-${count}]`;
}

/** Reads a call: program, folder, number of arguments, arguments, variables and an empty field, each with a NUL. */
async function readCall(socket: Socket): Promise<FakeCall> {
  let data = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    data = Buffer.concat([data, chunk]);
    const call = parseCall(data.toString());
    if (call !== undefined) return call;
  }
  throw new Error("The program ended before it had said what it wants.");
}

function parseCall(text: string): FakeCall | undefined {
  const [program = "", folder = "", count, ...rest] = text.split("\0");
  const args = rest.splice(0, Number(count));
  const end = rest.indexOf("");
  // The last field of an incomplete text may be empty, too.
  if (end === -1 || end === rest.length - 1) return undefined;
  const variables = rest.slice(0, end).map((each): [string, string] => {
    const at = each.indexOf("=");
    return [each.slice(0, at), each.slice(at + 1)];
  });
  return { program: program as FakeProgram, folder, args, environment: Object.fromEntries(variables) };
}
