import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:fs";
import { open, stat, truncate } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { isMountPoint } from "../../ground/mountTable.ts";
import { runWithin } from "../../ground/runWithin.ts";
import { reasonOf } from "../../ground/systemErrors.ts";
import { lastLines } from "../lastLines.ts";
import { mountMarker } from "./mountProcesses.ts";

const pollInMs = 20;
/** A command that has ended may leave the mounting to a process of its own. */
const mountAfterEndInMs = 2000;
const mostLogBytes = 4 * 1024 * 1024;
const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants;
const stillUsableInMs = 15_000;

/** A program that mounts something. It ends once that is done, or stays and serves the mount. */
export interface MountCommand {
  /** Name for people. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Variables beside the common ones. May contain secrets. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Texts that must not be repeated in an error. */
  readonly secrets: readonly string[];
}

/** Reports that a program did not mount anything. */
export class MountFailure extends Error {
  override readonly name = "MountFailure";
  /** Exit code of the program; undefined if it did not end by itself. */
  readonly exitCode: number | undefined;

  constructor(reason: string, exitCode?: number) {
    super(reason);
    this.exitCode = exitCode;
  }
}

/** Variables that programs which mount something inherit from the service. */
const inherited = new RegExp(
  "^(PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|LD_LIBRARY_PATH|SSL_CERT_FILE|SSL_CERT_DIR|(https?|no|all)_proxy)$",
  "i",
);

/**
 * Runs a program until something is mounted at its target. The program is in a session of its own and writes to the log,
 * so it outlives the service. Rejects with a `MountFailure`; then the program has been killed.
 */
export async function carryOut(
  { name, program, args, environment = {}, secrets }: MountCommand,
  { target, log }: { readonly target: string; readonly log: string },
  { limitInMs, abortSignal }: { readonly limitInMs: number; readonly abortSignal: AbortSignal },
): Promise<void> {
  // Appended to, so that the file can be emptied while the program writes.
  const output = await open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600);
  let child: ChildProcess;
  try {
    child = spawn(program, args, {
      cwd: "/",
      detached: true,
      stdio: ["ignore", output.fd, output.fd],
      env: { ...inheritedVariables(), ...environment, [mountMarker]: target },
    });
  } finally {
    await output.close();
  }
  child.unref();
  try {
    await untilMounted(child, name, target, limitInMs, abortSignal);
    if ((await stateOf(target)) !== "responds")
      throw new MountFailure(`${name} mounted something that cannot be read.`);
  } catch (error) {
    endGroup(child);
    if (error instanceof MountFailure) throw new MountFailure(await explained(error, log, secrets), error.exitCode);
    throw error;
  }
}

/** Empties the log of a program that serves a mount if it has become large. */
export async function limitLog(log: string): Promise<void> {
  const found = await stat(log).catch(() => undefined);
  if (found && found.size > mostLogBytes) await truncate(log).catch(() => undefined);
}

/** State of a mount. A broken one stays so; one that is silent may respond again. */
export type MountState = "responds" | "broken" | "silent";

/** Looks at a mount. Asks in another process, which a file system that hangs cannot block. */
export async function stateOf(target: string): Promise<MountState> {
  // The kernel may know the attributes of a folder for a while, but it asks for those of the file system each time.
  const whole = await runWithin("stat", ["-f", "--", `${target}/.`], stillUsableInMs);
  const folder = whole && (await runWithin("stat", ["--", `${target}/.`], stillUsableInMs));
  const errors = [whole?.stderr, folder?.stderr].join("\n");
  if (/Transport endpoint is not connected|Stale (NFS )?file handle/.test(errors)) return "broken";
  return folder?.exitCode === 0 ? "responds" : "silent";
}

async function untilMounted(
  child: ChildProcess,
  name: string,
  target: string,
  limitInMs: number,
  abortSignal: AbortSignal,
): Promise<void> {
  let failure: unknown;
  child.once("error", (error) => {
    failure = error;
  });
  let deadline = performance.now() + limitInMs;
  let hasEnded = false;
  for (;;) {
    abortSignal.throwIfAborted();
    if (failure !== undefined) throw new MountFailure(`${name} cannot be started: ${reasonOf(failure)}.`);
    const { exitCode, signalCode } = child;
    if (signalCode !== null) throw new MountFailure(`${name} was ended by ${signalCode}.`);
    if (exitCode !== null && exitCode !== 0) {
      throw new MountFailure(`${name} ended with exit code ${String(exitCode)}.`, exitCode);
    }
    if (isMountPoint(target)) return;
    if (exitCode === 0 && !hasEnded) {
      hasEnded = true;
      deadline = Math.min(deadline, performance.now() + mountAfterEndInMs);
    }
    if (performance.now() > deadline) {
      if (exitCode === 0) throw new MountFailure(`${name} ended with exit code 0 but mounted nothing.`, 0);
      throw new MountFailure(`${name} mounted nothing within ${String(limitInMs / 1000)} seconds.`);
    }
    await delay(pollInMs, undefined, { signal: abortSignal });
  }
}

/** Ends a program and everything that it has started. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Adds the last lines that the program wrote, without secrets. */
async function explained(failure: MountFailure, log: string, secrets: readonly string[]): Promise<string> {
  const text = (await lastLines(log, secrets).catch(() => undefined))?.trim() ?? "";
  return text === "" ? failure.message : `${failure.message} It wrote: ${text}`;
}

function inheritedVariables(): Record<string, string> {
  const kept = Object.entries(process.env).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined && inherited.test(entry[0]);
  });
  return Object.fromEntries(kept);
}
