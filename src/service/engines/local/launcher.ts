import { spawn } from "node:child_process";
import type { LauncherMessage, LauncherRequest, NumberedRequest } from "./launcherMessages.ts";
import { endRun } from "./processTree.ts";
import { supervisorScript } from "./supervisorScript.ts";

/*
 * The launcher: a small process that does all spawning, because a fork of the service, with its large memory, would
 * stall every request. It imports next to nothing. It lives as long as the service; the runs do not need it.
 */

function tell(message: LauncherMessage): void {
  if (process.connected) process.send?.(message);
}

/**
 * Starts a supervisor in a session of its own, so that it outlives the service and this process. Resolves once the run
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
      tell({ kind: "exit", runId });
    });
    // The supervisor closes its output once it has claimed the run, or leaves it to another one.
    supervisor.stdout.once("close", resolve).resume();
  });
}

function carryOut(request: LauncherRequest): Promise<void> {
  if (request.kind === "spawn") return startSupervisor(request);
  return endRun(request.runId, request.gracePeriodInMs);
}

async function answer({ id, request }: NumberedRequest): Promise<void> {
  try {
    await carryOut(request);
    tell({ kind: "done", id });
  } catch (error) {
    tell({ kind: "failed", id, message: error instanceof Error ? error.message : String(error) });
  }
}

process.on("message", (message: NumberedRequest) => void answer(message));
process.on("disconnect", () => process.exit(0));
