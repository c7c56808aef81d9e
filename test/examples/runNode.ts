import { spawn } from "node:child_process";

/** How a child process ended and what it printed. */
export interface FinishedProcess {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a script with the Node.js that runs the tests, until it ends. */
export function runNode(script: string, ...parameters: string[]): Promise<FinishedProcess> {
  const child = spawn(process.execPath, [script, ...parameters], { stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, ...output }));
  });
}
