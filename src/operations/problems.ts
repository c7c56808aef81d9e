import type { Cluster } from "../models/cluster.ts";
import type { BatchAIError } from "../models/error.ts";
import type { Job } from "../models/job.ts";

/**
 * A job that was waited for has failed. Its `name` is `JobFailedError`; the message holds all that the service says about
 * the failure.
 */
export class JobFailedError extends Error {
  /** Code of the job's first error, for example `JobTerminated`. Absent when the job has no errors. */
  readonly code: string | undefined;
  /** Exit code of the job. Absent when it ended in another way. */
  readonly exitCode: number | undefined;
  /** The job's own errors; empty when it has none. */
  readonly errors: readonly BatchAIError[];
  /** The job as it ended. Printing the error leaves it out. */
  declare readonly job: Job;

  /** @param job - A job that has failed. */
  constructor(job: Job) {
    const { exitCode, errors = [] } = job.executionInfo ?? {};
    const ending = exitCode === undefined ? "" : ` with exit code ${exitCode}`;
    super([`Job ${job.name ?? ""} failed${ending}.`, ...errors.map(sentenceOf)].join(" "));
    this.name = "JobFailedError";
    this.code = errors[0]?.code;
    this.exitCode = exitCode;
    this.errors = errors;
    Object.defineProperty(this, "job", { value: job, enumerable: false });
  }
}

/**
 * A cluster cannot get the nodes that are waited for. Its `name` is `ClusterNodesError`; the message holds the cluster's
 * own errors.
 */
export class ClusterNodesError extends Error {
  /** Code of the cluster's first error, for example `NodeSetupTaskFailed`. Absent when the cluster has no errors. */
  readonly code: string | undefined;
  /** The cluster's own errors; empty when it has none. */
  readonly errors: readonly BatchAIError[];
  /** The cluster as it was. Printing the error leaves it out. */
  declare readonly cluster: Cluster;

  /**
   * @param cluster - The cluster.
   * @param wantedNodeCount - How many nodes are waited for.
   * @param readyNodeCount - How many of them can be used.
   */
  constructor(cluster: Cluster, wantedNodeCount: number, readyNodeCount: number) {
    const errors = cluster.errors ?? [];
    const { unusableNodeCount = 0, preparingNodeCount = 0 } = cluster.nodeStateCounts ?? {};
    const others = `${unusableNodeCount} unusable, ${preparingNodeCount} being prepared, no more to come`;
    const state = `${readyNodeCount} of ${wantedNodeCount} nodes ready, ${others}`;
    super([`Cluster ${cluster.name ?? ""} does not get its nodes: ${state}.`, ...errors.map(sentenceOf)].join(" "));
    this.name = "ClusterNodesError";
    this.code = errors[0]?.code;
    this.errors = errors;
    Object.defineProperty(this, "cluster", { value: cluster, enumerable: false });
  }
}

function sentenceOf({ code, message, details = [] }: BatchAIError): string {
  const facts = details.map(({ name, value }) => `${name ?? ""}: ${value ?? ""}`).join(", ");
  const said = [code, message].filter(Boolean).join(": ");
  const end = /[.!?]$/.test(said) ? "" : ".";
  return facts === "" ? `${said}${end}` : `${said} (${facts}).`;
}
