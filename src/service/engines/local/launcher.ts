import { spawn } from "node:child_process";
import { rareSupervision, supervisorScript } from "../supervisor/supervisorScript.ts";
import { createFolders } from "../supervisor/createFolders.ts";
import { failureOf } from "../supervisor/sentFailures.ts";
import type { LauncherMessage, LauncherRequest, NumberedRequest } from "./launcherMessages.ts";
import { endRun, isRunOver } from "./processTree.ts";

/*
 * The launcher: a small process that does all spawning, because a fork of the service, with its large memory, would
 * stall every request. It also creates the folders of runs, so a slow disk stalls no request either. It imports as
 * little as possible. It runs as long as the service; the runs do not need it.
 */

function send(message: LauncherMessage): void {
  if (process.connected) process.send?.(message);
}

/**
 * Starts a supervisor in its own session, because it must outlive the service and this process. Resolves once the
 * process exists.
 */
function startSupervisor({ runId, bash, folder, environment }: Spawn): Promise<void> {
  const supervisor = spawn(bash, ["-p", "-c", supervisorScript, "batchai-supervisor", folder, rareSupervision], {
    cwd: folder,
    env: environment,
    detached: true,
    stdio: "ignore",
  });
  return new Promise((resolve, reject) => {
    supervisor.once("error", reject);
    if (supervisor.pid === undefined) return;
    supervisor.once("exit", (exitCode) => void report(runId, exitCode));
    resolve();
  });
}

type Spawn = Extract<LauncherRequest, { kind: "spawn" }>;

async function report(runId: string, exitCode: number | null): Promise<void> {
  // Without descriptors nobody can tell; then the engine has the rest of the run ended.
  const isOver = await isRunOver(runId).catch(() => false);
  send({ kind: "exit", runId, exitCode, isOver });
}

async function carryOut(request: LauncherRequest): Promise<void> {
  if (request.kind === "spawn") {
    await createFolders(request.folders);
    await startSupervisor(request);
  }
  if (request.kind === "end") await endRun(request.runId, request.gracePeriodInMs);
}

async function respond({ id, request }: NumberedRequest): Promise<void> {
  try {
    await carryOut(request);
    send({ kind: "done", id });
  } catch (error) {
    send({ kind: "failed", id, failure: failureOf(error) });
  }
}

process.on("message", (message: NumberedRequest) => void respond(message));
// `exit` would wait for the threads.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
