import type { JobBatchAI, JobNode } from "../../models/job.ts";
import type { Run } from "../state/runs.ts";
import type { StoredResource } from "../state/resources.ts";
import type { GpuContext } from "./gpuSupply.ts";
import type { CurrentShortage } from "./shortage.ts";
import { WaitingReasons } from "./waitingReasons.ts";

/** The state of jobs that the API of 2018 has no property for. Used for one response. */
export class JobDetails {
  readonly #store: GpuContext["store"];
  readonly #waiting: WaitingReasons;
  #runsWithGpus: ReadonlyMap<string, Run> | undefined;

  constructor(context: GpuContext, shortage: CurrentShortage | undefined) {
    this.#store = context.store;
    this.#waiting = new WaitingReasons(context, shortage);
  }

  /** Returns the details of a job; undefined if there is nothing to say. */
  of(job: StoredResource<"jobs">): JobBatchAI | undefined {
    const waitingFor = this.#waiting.of(job);
    if (waitingFor) return { waitingFor };
    const nodes = this.#nodesOf(job);
    return nodes && { nodes };
  }

  /** Returns the nodes of a job that runs with GPUs. */
  #nodesOf({ key, model: { executionState } }: StoredResource<"jobs">): JobNode[] | undefined {
    if (executionState !== "running" && executionState !== "terminating") return undefined;
    this.#runsWithGpus ??= new Map(this.#store.runs.allWithGpus().map((run) => [run.owner, run]));
    const run = this.#runsWithGpus.get(key);
    return run?.nodes.map((nodeId, position) => ({
      nodeId,
      address: run.addresses[position] ?? this.#store.nodes.find(nodeId)?.machine.address,
      gpus: (run.gpus[nodeId] ?? []).map(({ index, uuid }) => ({ index, uuid })),
    }));
  }
}
