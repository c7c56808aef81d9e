import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { removeTree } from "../../../ground/removeTree.ts";
import { errorCode } from "../../../ground/systemErrors.ts";
import type { RunEnd } from "../engine.ts";
import { environmentVariableOf, readProcess, workingFolderOf } from "./processTable.ts";
import { runMarker } from "./supervisorScript.ts";

/** Owner of a run. */
export type Claim =
  /** The folder of the run does not exist: somebody removed it, and every trace of the run with it. */
  | { readonly kind: "missing" }
  /** No owner: a supervisor may still take it. */
  | { readonly kind: "open" }
  /** The engine: no supervisor will ever run it. */
  | { readonly kind: "withdrawn" }
  /** A supervisor, which is running or has ended. */
  | { readonly kind: "supervised"; readonly alive: boolean }
  /** A running supervisor that works in another folder, from which this one was copied. */
  | { readonly kind: "elsewhere" }
  /** A supervisor that was interrupted while it wrote the claim, or is still writing. Or a job has written to the file. */
  | { readonly kind: "unreadable" };

const withdrawn = "withdrawn";
/** More than the engine ever writes to a file that it reads. */
const mostBytes = 64 * 1024;
const files = ["plan", "claim", "exit.json"] as const;

/**
 * The engine's own files, in the folder of a run. They determine the state of the run. They are small and lie beside the
 * database, so they are read and written synchronously: a turn of the thread pool costs more than the work itself.
 */
export class RunFiles {
  readonly #runId: string;
  readonly #folder: string;

  /** @param folder - Folder that belongs to this run alone. The service creates it before it stores the handle. */
  constructor(runId: string, folder: string) {
    this.#runId = runId;
    this.#folder = folder;
  }

  /** Removes the folder with all that is in it. */
  async remove(): Promise<void> {
    try {
      for (const name of files) unlinkIfPresent(join(this.#folder, name));
      rmdirSync(this.#folder);
    } catch {
      await removeTree(this.#folder); // There is more in it than the engine has created.
    }
  }

  /** Writes the plan for the supervisor: fields that end in NUL. Readable only by the user of the service. */
  writePlan(fields: readonly (string | number)[]): void {
    const text = fields.map((field) => `${field}\0`).join("");
    writeFileSync(join(this.#folder, "plan"), text, { mode: 0o600 });
  }

  /**
   * Returns how the run ended; undefined as long as no complete exit file exists. What it returns survives a power
   * failure.
   */
  async readExit(): Promise<RunEnd | undefined> {
    const path = join(this.#folder, "exit.json");
    const end = parseExit(readOwn(path) ?? "");
    if (end) await flush(path);
    return end;
  }

  /** Writes how the run ended, unless that has already been written. Returns the end that is on file. */
  async recordExit(end: RunEnd): Promise<RunEnd> {
    const known = await this.readExit();
    if (known) return known;
    const draft = join(this.#folder, `exit.${randomUUID()}`);
    const exitFile = join(this.#folder, "exit.json");
    await writeDurably(draft, `${JSON.stringify(end)}\n`);
    try {
      linkSync(draft, exitFile);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
      const earlier = await this.readExit();
      if (earlier) return earlier;
      renameSync(draft, exitFile); // The supervisor was killed while it wrote, or a job has written to the file.
    } finally {
      unlinkIfPresent(draft);
    }
    return end;
  }

  /** Returns the owner of the run. */
  readClaim(): Claim {
    const text = readOwn(join(this.#folder, "claim"));
    if (text !== undefined) return this.#claimIn(text);
    return { kind: existsFolder(this.#folder) ? "open" : "missing" };
  }

  /** Takes the claim unless a supervisor has it, and so keeps every supervisor from it. Returns the claim. */
  async withdraw(): Promise<Claim> {
    try {
      await writeDurably(join(this.#folder, "claim"), `${withdrawn}\n`);
    } catch (error) {
      if (!["EEXIST", "ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) throw error;
    }
    return this.readClaim();
  }

  #claimIn(text: string): Claim {
    if (text.trim() === withdrawn) return { kind: "withdrawn" };
    const pid = /^(\d+)( \d+ \S+)?\n$/.exec(text)?.[1];
    if (pid === undefined) return { kind: "unreadable" };
    // The pid may belong to another process by now, but nobody else has the marker of this run and its pid.
    const alive = readProcess(pid) !== undefined && environmentVariableOf(pid, runMarker) === this.#runId;
    if (alive && isElsewhere(pid, this.#folder)) return { kind: "elsewhere" };
    return { kind: "supervised", alive };
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

/** Returns the text of a file; undefined if it does not exist, and empty if a job has replaced it by something else. */
function readOwn(path: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, withoutSurprises);
  } catch (error) {
    const code = errorCode(error) ?? "";
    if (["ENOENT", "ENOTDIR"].includes(code)) return undefined;
    if (["ELOOP", "ENXIO"].includes(code)) return "";
    throw error;
  }
  try {
    const stat = fstatSync(descriptor);
    return stat.isFile() && stat.size <= mostBytes ? readFileSync(descriptor, "utf8") : "";
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

function existsFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A supervisor writes its exit file to its working folder, wherever that is moved to. */
function isElsewhere(pid: string, folder: string): boolean {
  const [theirs, ours] = [workingFolderOf(pid), statSync(folder, { bigint: true, throwIfNoEntry: false })];
  if (theirs === undefined || ours === undefined) return false;
  return theirs.dev !== ours.dev || theirs.ino !== ours.ino;
}

/** A file that is not complete is not JSON. A job may have written anything else. */
function parseExit(text: string): RunEnd | undefined {
  try {
    const end = JSON.parse(text) as Partial<RunEnd> | null;
    return isEnd(end) ? end : undefined;
  } catch {
    return undefined;
  }
}

function isEnd(end: Readonly<Record<string, unknown>> | Partial<RunEnd> | null): end is RunEnd {
  if (typeof end !== "object" || end === null) return false;
  const { kind, exitCode, phase, code, message } = end as Readonly<Record<string, unknown>>;
  if (kind === "exited") return Number.isInteger(exitCode) && (phase === "preparation" || phase === "processes");
  if (kind === "failed") return typeof code === "string" && typeof message === "string";
  return kind === "stopped" || kind === "notStarted";
}
