import type { JobKind } from "./jobKinds.ts";

/** Whether a client has asked for something, and whether the service has acknowledged it. */
export type Asked = "no" | "asked" | "acknowledged";

/** A job that clients have created, and everything that they and the disturbances did to it. */
export interface JobRecord {
  readonly name: string;
  readonly kind: JobKind;
  readonly exitCode: number;
  /** Name of its cluster. */
  readonly cluster: string;
  readonly body: { readonly properties: Readonly<Record<string, unknown>> };
  created: Asked;
  terminated: Asked;
  deleted: Asked;
  /** Whether its supervisor was killed. */
  supervisorKilled: boolean;
  /** Whether somebody else may have cancelled it in Slurm. */
  cancelled?: boolean;
  /** Whether Slurm may have lost it, because its controller was killed. */
  mayBeLost?: boolean;
  /** Whether the service has shown its end, and the oracles have checked it. */
  judged: boolean;
  /** Whether it did not end, which has been reported. */
  stuck: boolean;
}

/** What the clients know: every call that the service acknowledged, and those that it may have carried out. */
export class Ledger {
  readonly jobs = new Map<string, JobRecord>();
  readonly experiments = new Map<string, "present" | "absent" | "unknown">();
  /** Clusters that were scaled down or deleted, and how often: their jobs may run again, or be stopped. */
  readonly shrunk = new Map<string, number>();
  #lastNumber = 0;

  nextName(prefix: string): string {
    this.#lastNumber += 1;
    return `${prefix}${this.#lastNumber}`;
  }

  shrink(cluster: string): void {
    this.shrunk.set(cluster, this.shrinksOf(cluster) + 1);
  }

  shrinksOf(cluster: string): number {
    return this.shrunk.get(cluster) ?? 0;
  }

  /** Returns the jobs that exist and whose end has not been checked. */
  open(): JobRecord[] {
    return [...this.jobs.values()].filter(({ judged, deleted }) => !judged && deleted === "no");
  }

  /** Returns the jobs whose end has been checked and which have not been deleted. */
  judged(): JobRecord[] {
    return [...this.jobs.values()].filter(({ judged, deleted }) => judged && deleted === "no");
  }
}
