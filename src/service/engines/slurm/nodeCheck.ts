import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LaunchAllocation } from "../engine.ts";
import { answerFile, nodeCheckScript, questionFile } from "./nodeCheckScript.ts";
import type { SlurmCommands } from "./slurmCommands.ts";
import type { SlurmQueue } from "./slurmQueue.ts";
import { hasEnded } from "./slurmStates.ts";
import { submitOnce } from "./submitOnce.ts";

/** Programs with which a node can run containers. */
export type ContainerTool = "apptainer" | "singularity" | "podman" | "pyxis";
const containerTools: readonly ContainerTool[] = ["apptainer", "singularity", "podman", "pyxis"];

/** What a node has told about itself. */
export interface NodeFindings {
  readonly host: string;
  /** Variables of the node to which values of jobs may refer. */
  readonly environment: Readonly<Record<string, string>>;
  readonly containerTools: readonly ContainerTool[];
}

/** Result of the check of one node. */
export type NodeCheckResult =
  /** Both sides see what the other one writes. */
  | { readonly kind: "seen"; readonly findings: NodeFindings }
  /** The node does not see what the service has written, or cannot write. `host`: its name, if Slurm has told it. */
  | { readonly kind: "unseenThere"; readonly host: string }
  /** The service does not see what the node has written. */
  | { readonly kind: "unseenHere"; readonly host: string }
  /** Slurm no longer knows the job, or somebody ended it, so nothing is known about the node. */
  | { readonly kind: "lost"; readonly state: string };

/** Options of {@link checkNode}. */
export interface NodeCheckOptions {
  /** Name of the job in Slurm. No other job ever has it. */
  readonly name: string;
  readonly allocation: LaunchAllocation;
  /** Folder for the files of the check. It does not exist. */
  readonly folder: string;
  readonly commands: Pick<SlurmCommands, "submit">;
  readonly queue: Pick<SlurmQueue, "watch" | "forget" | "lookNow" | "statusOf">;
  readonly abortSignal: AbortSignal;
  /** Time in which a network file system must show a file, in milliseconds; at most 45 s. Default: 30,000. */
  readonly visibilityInMs?: number | undefined;
}

const lookIntervalInMs = 500;

/**
 * Lets a node check with a short job that both sides see what the other one writes into a folder. Waits as long as the job
 * waits in Slurm's queue. Rejects with a `StartError` if Slurm does not accept the job. Leaves no files.
 */
export async function checkNode(options: NodeCheckOptions): Promise<NodeCheckResult> {
  const { allocation, folder, name, queue, visibilityInMs = 30_000 } = options;
  const question = randomBytes(16).toString("hex");
  const script = join(folder, "check.sh");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(join(folder, questionFile), `${question}\n`, { mode: 0o600 });
    writeFileSync(script, nodeCheckScript, { mode: 0o600 });
    await submitOnce(
      { ...options, isClaimed: () => answerIn(folder, question) !== undefined },
      {
        name,
        allocation,
        nodeCount: 1,
        script,
        args: [folder, question, String(Math.ceil(visibilityInMs / 1000))],
        // A node that does not see the folder could not start a job with its output there.
        output: "/dev/null",
      },
    );
    return await resultOf(options, question, visibilityInMs);
  } finally {
    queue.forget(name);
    // The node may write until its job has ended.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Waits until the node has answered, or its job has ended and no answer comes into view. */
async function resultOf(
  { abortSignal, folder, name, queue }: NodeCheckOptions,
  question: string,
  visibilityInMs: number,
): Promise<NodeCheckResult> {
  let endedAt: number | undefined;
  for (;;) {
    const findings = answerIn(folder, question);
    if (findings !== undefined) return { kind: "seen", findings };
    const status = queue.statusOf(name);
    if (status.kind === "absent" && status.sinceInMs >= visibilityInMs && status.looks >= 3) {
      return { kind: "lost", state: "unknown to Slurm" };
    }
    if (status.kind === "seen" && hasEnded(status.job.state)) {
      const { nodeList: host, state } = status.job;
      if (state === "FAILED") return { kind: "unseenThere", host };
      if (state !== "COMPLETED") return { kind: "lost", state };
      endedAt ??= performance.now();
      if (performance.now() - endedAt >= visibilityInMs) return { kind: "unseenHere", host };
    }
    await delay(lookIntervalInMs, undefined, { signal: abortSignal });
  }
}

/** Reads the answer of a node; undefined if it is not there. */
function answerIn(folder: string, question: string): NodeFindings | undefined {
  try {
    // A network file system then shows files that it did not know before.
    if (!readdirSync(folder).includes(answerFile)) return undefined;
    const [first, host = "", tools = "", ...variables] = readFileSync(join(folder, answerFile), "utf8").split("\0");
    if (first !== question) return undefined;
    return { host, environment: variablesIn(variables.slice(0, -1)), containerTools: toolsIn(tools) };
  } catch {
    return undefined;
  }
}

function variablesIn(assignments: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    assignments.map((text): [string, string] => {
      const at = text.indexOf("=");
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

function toolsIn(words: string): ContainerTool[] {
  const found = words.split(" ");
  return containerTools.filter((tool) => found.includes(tool));
}
