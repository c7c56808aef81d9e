import { spawn } from "node:child_process";
import type { LauncherMessage, LauncherRequest, NumberedRequest } from "./launcherMessages.ts";
import { endRun } from "./processTree.ts";
import { supervisorScript } from "../supervisor/supervisorScript.ts";

/*
 * The launcher: a small process that does all spawning, because a fork of the service, with its large memory, would
 * stall every request. It imports as little as possible. It runs as long as the service; the runs do not need it.
 */

function send(message: LauncherMessage): void {
  if (process.connected) process.send?.(message);
}

/**
 * Starts a supervisor in its own session, because it must outlive the service and this process. Resolves once the run
 * is claimed.
 */
function startSupervisor(request: Extract<LauncherRequest, { kind: "spawn" }>): Promise<void> {
  const { runId, bash, runDirectory, environment } = request;
  const supervisor = spawn(bash, ["-p", "-c", supervisorScript, "batchai-supervisor", runDirectory], {
    cwd: runDirectory,
    env: environment,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return new Promise((resolve, reject) => {
    supervisor.once("error", reject);
    if (supervisor.pid === undefined) return;
    supervisor.once("exit", () => {
      send({ kind: "exit", runId });
    });
    // The supervisor closes its output once it has claimed the run, or has left the run to another supervisor.
    supervisor.stdout.once("close", resolve).resume();
  });
}

function carryOut(request: LauncherRequest): Promise<void> {
  if (request.kind === "spawn") return startSupervisor(request);
  return endRun(request.runId, request.gracePeriodInMs);
}

async function respond({ id, request }: NumberedRequest): Promise<void> {
  try {
    await carryOut(request);
    send({ kind: "done", id });
  } catch (error) {
    send({ kind: "failed", id, message: error instanceof Error ? error.message : String(error) });
  }
}

process.on("message", (message: NumberedRequest) => void respond(message));
process.on("disconnect", () => process.exit(0));
