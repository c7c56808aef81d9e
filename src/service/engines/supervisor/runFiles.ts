import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { removeTree } from "../../../ground/removeTree.ts";
import { errorCode } from "../../../ground/systemErrors.ts";
import type { LaunchText, RunEnd } from "../engine.ts";
import { stepIn } from "./supervisorSteps.ts";
import { createFolder } from "../../../ground/createFolder.ts";

/** Owner of a run. */
export type Claim =
  /** The folder of the run, or its plan, does not exist: somebody removed it, and the traces of the run with it. */
  | { readonly kind: "missing" }
  /** No owner: a supervisor may still take it. */
  | { readonly kind: "open" }
  /** The engine: no supervisor will ever run it. */
  | { readonly kind: "withdrawn" }
  /** A supervisor, which is running or has ended. In a container, its pid is that within the container. */
  | { readonly kind: "supervised"; readonly pid: number }
  /** A supervisor that was interrupted while it wrote the claim, or is still writing. */
  | { readonly kind: "unreadable" }
  /** Something that no supervisor writes: the job has damaged the claim. */
  | { readonly kind: "damaged" };

const withdrawn = "withdrawn";
/** More than the engine ever writes to a file that it reads, except for a plan. */
const mostBytes = 64 * 1024;
const mostBytesOfPlan = 16 * 1024 * 1024;
const environmentFile = "environment";
const files = ["plan", "claim", "exit.json", environmentFile] as const;

/**
 * The engine's own files, in the folder of a run. They determine the state of the run. They are small and lie beside the
 * database, so they are read and written synchronously: a turn of the thread pool costs more than the work itself.
 */
export class RunFiles {
  readonly #folder: string;
  readonly #hasPlan: boolean;

  /**
   * @param folder - Folder that belongs to this run alone.
   * @param hasPlan - Whether the folder has contained a plan since before the handle was stored.
   */
  constructor(folder: string, hasPlan: boolean) {
    this.#folder = folder;
    this.#hasPlan = hasPlan;
  }

  /** Removes the folder with all that is in it. Nothing waits for that, and file systems let removals wait for each other. */
  async remove(): Promise<void> {
    try {
      await Promise.all(files.map((name) => rm(join(this.#folder, name), { force: true })));
      await rmdir(this.#folder);
    } catch {
      await removeTree(this.#folder); // There is more in it than the engine has created.
    }
  }

  /**
   * Creates the folder with the plan for the supervisor: fields that end in NUL. Readable only by the service's user. Fields
   * that have segments are empty: what starts the supervisor fills them in.
   */
  writePlan(fields: readonly (LaunchText | number)[]): void {
    createFolder(this.#folder, 0o700);
    const text = fields.map((field) => `${typeof field === "object" ? "" : field}\0`).join("");
    writeFileSync(join(this.#folder, "plan"), text, { mode: 0o600 });
  }

  /**
   * Returns how the run ended; undefined as long as no complete exit file exists. What it returns survives a power
   * failure.
   */
  async readExit(): Promise<RunEnd | undefined> {
    const path = join(this.#folder, "exit.json");
    const file = parseExit(readOwn(path) ?? "");
    if (file === undefined) return undefined;
    await flush(path);
    const { step, ...end } = file;
    if (end.kind !== "exited" || end.exitCode === 0 || step === undefined) return end;
    const process = stepIn(readOwn(join(this.#folder, "plan"), mostBytesOfPlan) ?? "", step);
    return process === undefined ? end : { ...end, process };
  }

  /** Writes how the run ended, unless that has already been written. Returns the end that is on file. */
  async recordExit(end: RunEnd): Promise<RunEnd> {
    const known = await this.#recordedExit();
    if (known) return known;
    const draft = join(this.#folder, `exit.${randomUUID()}`);
    const exitFile = join(this.#folder, "exit.json");
    await writeDurably(draft, `${JSON.stringify(end)}\n`);
    try {
      linkSync(draft, exitFile);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
      const earlier = await this.#recordedExit();
      if (earlier) return earlier;
      renameSync(draft, exitFile); // The supervisor was killed while it wrote, or a job has written to the file.
    } finally {
      unlinkIfPresent(draft);
    }
    return end;
  }

  /** Replaces an end that is on file by the same end with more details. */
  async replaceExit(end: RunEnd): Promise<void> {
    const draft = join(this.#folder, `exit.${randomUUID()}`);
    await writeDurably(draft, `${JSON.stringify(end)}\n`);
    renameSync(draft, join(this.#folder, "exit.json"));
  }

  /** Whoever records an end knows that the run has started. */
  async #recordedExit(): Promise<RunEnd | undefined> {
    const end = await this.readExit();
    return end?.kind === "notStarted" ? undefined : end;
  }

  /** Returns the owner of the run. */
  readClaim(): Claim {
    const text = readOwn(join(this.#folder, "claim"));
    if (text !== undefined) return this.#claimIn(text);
    return { kind: existsSync(this.#hasPlan ? join(this.#folder, "plan") : this.#folder) ? "open" : "missing" };
  }

  /** Returns the time at which the claim was taken; undefined if it cannot be read. */
  claimedOn(): Date | undefined {
    return statSync(join(this.#folder, "claim"), { throwIfNoEntry: false })?.mtime;
  }

  /** Takes the claim unless a supervisor has it, and so keeps every supervisor from it. Returns the claim. */
  async withdraw(): Promise<Claim> {
    const claim = this.readClaim();
    if (claim.kind !== "open") return claim;
    try {
      await writeDurably(join(this.#folder, "claim"), `${withdrawn}\n`);
    } catch (error) {
      if (!["EEXIST", "ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) throw error;
    }
    return this.readClaim();
  }

  /** Writes the variables for a supervisor in a container, which removes the file as soon as it has read it. */
  writeEnvironment(variables: Readonly<Record<string, string>>): void {
    const text = Object.entries(variables).map(([name, value]) => `${name}=${value}\0`);
    writeFileSync(join(this.#folder, environmentFile), text.join(""), { mode: 0o600 });
  }

  /** Removes the variables of a supervisor that never came to read them. */
  removeEnvironment(): void {
    unlinkIfPresent(join(this.#folder, environmentFile));
  }

  /** Whether there is an exit file, complete or not. Cheap enough to ask ten times in a second. */
  hasExit(): boolean {
    return existsSync(join(this.#folder, "exit.json"));
  }

  #claimIn(text: string): Claim {
    if (text.trim() === withdrawn) return { kind: "withdrawn" };
    const pid = /^(\d+)( \d+ \S+)?\n$/.exec(text)?.[1];
    if (pid === undefined) return { kind: /^\d*$/.test(text) ? "unreadable" : "damaged" };
    return { kind: "supervised", pid: Number(pid) };
  }
}

/** Creates a file that does not exist. What it contains survives a power failure. */
async function writeDurably(path: string, text: string): Promise<void> {
  const descriptor = openSync(path, "wx", 0o600);
  try {
    writeFileSync(descriptor, text);
    await promisify(fsync)(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function flush(path: string): Promise<void> {
  const descriptor = openSync(path, withoutSurprises);
  try {
    await promisify(fsync)(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Neither follows a link nor waits for a pipe that a job has put in the place of a file. */
const withoutSurprises = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** Text of something that a job has put in the place of a file. */
const replaced = "replaced";

/** Returns the text of a file; undefined if it does not exist, and `replaced` if a job has put something else there. */
function readOwn(path: string, limit = mostBytes): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, withoutSurprises);
  } catch (error) {
    const code = errorCode(error) ?? "";
    if (["ENOENT", "ENOTDIR"].includes(code)) return undefined;
    if (["ELOOP", "ENXIO", "EACCES", "EPERM"].includes(code)) return replaced;
    throw error;
  }
  try {
    const stat = fstatSync(descriptor);
    return stat.isFile() && stat.size <= limit ? readFileSync(descriptor, "utf8") : replaced;
  } finally {
    closeSync(descriptor);
  }
}

function unlinkIfPresent(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

/**
 * Content of an exit file. The supervisor adds the index of the step that decided the exit code, in the preparation and
 * processes of the plan; older versions do not.
 */
type ExitFile = RunEnd & { readonly step?: number };

/** A file that is not complete is not JSON. A job may have written anything else. */
function parseExit(text: string): ExitFile | undefined {
  try {
    const end: unknown = JSON.parse(text);
    return isEnd(end) ? end : undefined;
  } catch {
    return undefined;
  }
}

function isEnd(value: unknown): value is ExitFile {
  if (!isObject(value)) return false;
  const { kind, exitCode, phase, step, outOfMemory, code, message, details, reason, isFault } = value;
  if (kind === "exited") {
    const isPlausible = isExitCode(exitCode) && isStep(step) && isOutOfMemory(outOfMemory);
    return isPlausible && (phase === "preparation" || phase === "processes");
  }
  if (kind === "failed") {
    const isDetailed = details === undefined || (Array.isArray(details) && details.every(isDetail));
    return typeof code === "string" && typeof message === "string" && isDetailed;
  }
  if (kind === "interrupted") return typeof reason === "string" && typeof isFault === "boolean";
  return kind === "stopped" || kind === "notStarted";
}

function isExitCode(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255;
}

function isStep(value: unknown): boolean {
  return value === undefined || (Number.isInteger(value) && Number(value) >= 0);
}

function isOutOfMemory(value: unknown): boolean {
  if (value === undefined) return true;
  return isObject(value) && (value.limitInBytes === undefined || typeof value.limitInBytes === "number");
}

function isDetail(value: unknown): boolean {
  return isObject(value) && typeof value.name === "string" && typeof value.value === "string";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
