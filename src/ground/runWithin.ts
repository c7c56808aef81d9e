import { spawn, type ChildProcess } from "node:child_process";
import { withinTime } from "./withinTime.ts";

/** End of a program. */
export interface ProgramEnd {
  /** Undefined if the program could not be started, or a signal ended it. */
  readonly exitCode: number | undefined;
  readonly stderr: string;
}

/**
 * Runs a program, but does not wait for it longer than a time. Returns undefined when the time is up: the program is killed
 * then, and nobody waits until it has ended, because a file system that hangs could prevent that for ever.
 */
export async function runWithin(
  program: string,
  args: readonly string[],
  limitInMs: number,
): Promise<ProgramEnd | undefined> {
  const env = { ...process.env, LC_ALL: "C" };
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], env });
  const ended = new Promise<ProgramEnd>((resolve) => {
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", (error) => {
      resolve({ exitCode: undefined, stderr: error.message });
    });
    child.once("close", (exitCode) => {
      resolve({ exitCode: exitCode ?? undefined, stderr });
    });
  });
  const end = await withinTime(ended, limitInMs);
  if (end === undefined) {
    child.kill("SIGKILL");
    child.unref();
    child.stderr?.destroy();
  }
  return end;
}
