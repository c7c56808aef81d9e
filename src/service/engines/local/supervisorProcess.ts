import { spawn } from "node:child_process";

/** Command that starts a supervisor. */
export interface SupervisorCommand {
  /** Absolute path of a program, and its arguments. */
  readonly words: readonly string[];
  /** Folder of the run. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Starts a supervisor in its own session, because it must outlive the service and this process. Resolves once the
 * process exists.
 *
 * @param onExit - Called when it has ended, with its exit code; null if a signal ended it.
 */
export function startProcess(command: SupervisorCommand, onExit: (exitCode: number | null) => void): Promise<void> {
  const child = spawnDetached(command, "ignore");
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    if (child.pid === undefined) return;
    child.once("exit", onExit);
    resolve();
  });
}

/** Most characters of standard error that are kept. */
const mostCharacters = 500;

/**
 * Like {@link startProcess}, for a command that starts the supervisor in its own place and closes standard error then.
 *
 * @param onExit - Called with the text on standard error too.
 */
export function startPrefixed(
  command: SupervisorCommand,
  onExit: (exitCode: number | null, complaint: string) => void,
): Promise<void> {
  const child = spawnDetached(command, "pipe");
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint = `${complaint}${text}`.slice(0, mostCharacters);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    if (child.pid === undefined) return;
    child.once("close", (exitCode) => {
      onExit(exitCode, complaint.trim());
    });
    resolve();
  });
}

function spawnDetached({ words, cwd, env }: SupervisorCommand, stderr: "ignore" | "pipe") {
  const [program = "", ...others] = words;
  return spawn(program, others, { cwd, env, detached: true, stdio: ["ignore", "ignore", stderr] });
}
