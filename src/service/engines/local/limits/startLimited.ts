import { existsSync } from "node:fs";
import { join } from "node:path";
import { reasonOf } from "../../../../ground/systemErrors.ts";
import { appendToLogs } from "../../../executionLog.ts";
import { ranNothing } from "../../supervisor/supervisorScript.ts";
import { startPrefixed, startProcess, type SupervisorCommand } from "../supervisorProcess.ts";
import { createGroup, removeGroup } from "./controlGroups.ts";
import type { LimitedStart } from "./groupWay.ts";
import { heldBack } from "./limitScripts.ts";

/** Variables that change what programs of systemd do. */
const systemdVariable = /^(LD_|SYSTEMD_|DBUS_|XDG_RUNTIME_DIR$|INVOCATION_ID$)/;

/** A supervisor, and the execution logs of its run. */
interface LimitedCommand extends SupervisorCommand {
  readonly logs: readonly string[];
}

/**
 * Starts a supervisor within the limits of its run. If a start fails before the supervisor runs, tries the next one: a
 * limit that the machine cannot enforce at the moment must not keep a job from running. Resolves once a process exists.
 *
 * @param onExit - Called when the supervisor has ended, or the last start has failed.
 */
export async function startLimited(
  [start, ...others]: readonly LimitedStart[],
  command: LimitedCommand,
  onExit: (exitCode: number | null) => void,
): Promise<void> {
  for (const note of start?.notes ?? []) await appendToLogs(command.logs, note);
  if (start === undefined || start.prefix.length === 0) {
    await startProcess(command, onExit);
    return;
  }
  const startNext = async (reason: string): Promise<void> => {
    for (const { folder } of start.groups) removeGroup(folder);
    await appendToLogs(command.logs, `The limits cannot be enforced with ${start.name}: ${reason}`);
    await startLimited(others, command, onExit);
  };
  try {
    start.groups.forEach(createGroup);
    await startPrefixed(prefixed(command, start), (exitCode, complaint) => {
      if (hasRun(exitCode, command.cwd)) onExit(exitCode);
      else startNext(complaint || `exit code ${exitCode}`).catch(() => onExit(exitCode));
    });
  } catch (error) {
    await startNext(reasonOf(error));
  }
}

function prefixed(command: SupervisorCommand, { prefix, prefixVariables }: LimitedStart): SupervisorCommand {
  const words = [...prefix, ...command.words];
  if (prefixVariables === undefined) return { ...command, words };
  const held = Object.entries(command.env).map(([name, value]): [string, string] => {
    return [systemdVariable.test(name) ? `${heldBack}${name}` : name, value];
  });
  return { ...command, words, env: { ...Object.fromEntries(held), ...prefixVariables } };
}

/** Whether it was the supervisor that ended, and not the command before it. A supervisor takes the claim first. */
function hasRun(exitCode: number | null, folder: string): boolean {
  return exitCode === null || exitCode === 0 || exitCode === ranNothing || existsSync(join(folder, "claim"));
}
