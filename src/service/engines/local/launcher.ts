import { rareSupervision, supervisorScript } from "../supervisor/supervisorScript.ts";
import { createFolders } from "../supervisor/createFolders.ts";
import { failureOf } from "../supervisor/sentFailures.ts";
import type { LauncherMessage, LauncherRequest, NumberedRequest } from "./launcherMessages.ts";
import { startLimited } from "./limits/startLimited.ts";
import { endRun, isRunOver } from "./processTree.ts";
import { startProcess } from "./supervisorProcess.ts";

/*
 * The launcher: a small process that does all spawning, because a fork of the service, with its large memory, would
 * stall every request. It also creates the folders of runs, so a slow disk stalls no request either. It imports as
 * little as possible. It runs as long as the service; the runs do not need it.
 */

function send(message: LauncherMessage): void {
  if (process.connected) process.send?.(message);
}

/** Starts the supervisor of a run. Resolves once a process exists. */
function startSupervisor({ runId, bash, folder, folders, environment, limits }: Spawn): Promise<void> {
  const words = [bash, "-p", "-c", supervisorScript, "batchai-supervisor", folder, rareSupervision];
  const command = { words, cwd: folder, env: environment };
  const onExit = (exitCode: number | null): void => void report(runId, exitCode);
  if (limits === undefined) return startProcess(command, onExit);
  return startLimited(limits, { ...command, logs: folders.logs }, onExit);
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
