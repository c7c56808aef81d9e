import { isInstance, mark } from "../http/copies.ts";
import { errorJson } from "../http/errorJson.ts";
import type { Cluster } from "../models/cluster.ts";
import type { BatchAIError, NameValuePair } from "../models/error.ts";
import type { Job } from "../models/job.ts";

/**
 * Reports that the job you waited for failed. Its `name` is `JobFailedError`. The message contains everything the
 * service reports about it, and ends with the last lines of standard error.
 */
export class JobFailedError extends Error {
  /** Code of the job's first error, for example `JobTerminated`. Absent if the job has no errors. */
  readonly code: string | undefined;
  /** Exit code of the job. Absent if the job ended without one. */
  readonly exitCode: number | undefined;
  /** Errors of the job; empty if it has none. */
  readonly errors: readonly BatchAIError[];
  /** The failed job. Printing the error omits it. */
  declare readonly job: Job;

  /** @param job - The failed job. */
  constructor(job: Job) {
    const { exitCode, errors = [] } = job.executionInfo ?? {};
    const ending = exitCode === undefined ? "" : ` with exit code ${exitCode}`;
    super(
      [[`Job ${job.name} failed${ending}.`, ...errors.map(sentenceOf)].join(" "), ...errors.flatMap(linesOf)].join(
        "\n",
      ),
    );
    this.name = "JobFailedError";
    this.code = errors[0]?.code;
    this.exitCode = exitCode;
    this.errors = errors;
    Object.defineProperty(this, "job", { value: job, enumerable: false });
    mark(this, "JobFailedError");
  }

  /** Whether a value is a `JobFailedError`, also one of another copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, "JobFailedError", value);
  }

  /** Returns the error for `JSON.stringify`, with its name and message, without the job. */
  toJSON(): Record<string, unknown> {
    return errorJson(this);
  }
}

/**
 * Reports that the cluster you waited for cannot get its nodes. Its `name` is `ClusterNodesError`. The message contains
 * the cluster's errors.
 */
export class ClusterNodesError extends Error {
  /** Code of the cluster's first error, for example `NodeSetupTaskFailed`. Absent if the cluster has no errors. */
  readonly code: string | undefined;
  /** Errors of the cluster; empty if it has none. */
  readonly errors: readonly BatchAIError[];
  /** The cluster when the wait failed. Printing the error omits it. */
  declare readonly cluster: Cluster;

  /**
   * @param cluster - The cluster.
   * @param wantedNodeCount - Number of nodes to wait for.
   * @param readyNodeCount - Number of idle and running nodes.
   */
  constructor(cluster: Cluster, wantedNodeCount: number, readyNodeCount: number) {
    const errors = cluster.errors ?? [];
    const { unusableNodeCount = 0, preparingNodeCount = 0 } = cluster.nodeStateCounts ?? {};
    const others = `${unusableNodeCount} unusable, ${preparingNodeCount} being prepared, no more will be added`;
    const state = `${readyNodeCount} of ${wantedNodeCount} nodes ready, ${others}`;
    super([`Cluster ${cluster.name} cannot get its nodes: ${state}.`, ...errors.map(sentenceOf)].join(" "));
    this.name = "ClusterNodesError";
    this.code = errors[0]?.code;
    this.errors = errors;
    Object.defineProperty(this, "cluster", { value: cluster, enumerable: false });
    mark(this, "ClusterNodesError");
  }

  /** Whether a value is a `ClusterNodesError`, also one of another copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, "ClusterNodesError", value);
  }

  /** Returns the error for `JSON.stringify`, with its name and message, without the cluster. */
  toJSON(): Record<string, unknown> {
    return errorJson(this);
  }
}

function sentenceOf({ code, message, details = [] }: BatchAIError): string {
  const facts = details
    .filter(({ name }) => name !== "Hint" && name !== "LastLines")
    .map(({ name, value }) => `${name ?? ""}: ${value ?? ""}`)
    .join(", ");
  const said = [code, message].filter(Boolean).join(": ");
  const end = /[.!?]$/.test(said) ? "" : ".";
  const sentence = facts === "" ? `${said}${end}` : `${said} (${facts}).`;
  return [sentence, detailOf(details, "Hint")].filter(Boolean).join(" ");
}

/** Returns the last lines of standard error on lines of their own, because they are lines of the job. */
function linesOf({ details = [] }: BatchAIError): string[] {
  const lines = detailOf(details, "LastLines");
  return lines === undefined ? [] : [`Last lines of ${detailOf(details, "StdErr") ?? "standard error"}:`, lines];
}

function detailOf(details: readonly NameValuePair[], wanted: string): string | undefined {
  return details.find(({ name }) => name === wanted)?.value;
}
