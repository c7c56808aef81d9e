import type { ChildProcess } from "node:child_process";

/** A job of a {@link FakeSlurm}. Tests change it as they like. */
export interface FakeJob {
  id: string;
  name: string;
  /** Slurm's word for the state, such as `RUNNING`. */
  state: string;
  /** Slurm's word for the reason, such as `Resources`. */
  reason: string;
  /** Nodes as Slurm writes them, such as `n[1-2]`. */
  nodes: string;
  nodeCount: number;
  user: string;
  partition: string;
  submitted: Date;
  started?: Date;
  /** Options with which it was submitted, without the script. */
  options: readonly string[];
  /** Content of the script at the time of the submit, as Slurm copies it. */
  script: string;
  args: readonly string[];
  /** File of its output, `%j` replaced. */
  output: string;
  folder: string;
  /** Environment of `sbatch`. */
  environment: Readonly<Record<string, string>>;
  /** The process of its script, if it was started. */
  process?: ChildProcess;
}

const notEnded = [
  "PENDING",
  "CONFIGURING",
  "RUNNING",
  "SUSPENDED",
  "COMPLETING",
  "STOPPED",
  "REQUEUED",
  "REQUEUE_HOLD",
  "SPECIAL_EXIT",
];

/** Whether `squeue` shows the job without `-t all`. */
export function isActive({ state }: FakeJob): boolean {
  return notEnded.includes(state);
}

/** Returns a line of `squeue` about a job. */
export function lineOf(job: FakeJob, format: string): string {
  const values: Readonly<Record<string, string>> = {
    i: job.id,
    j: job.name,
    T: job.state,
    r: job.reason,
    N: job.nodes,
    D: String(job.nodeCount),
    u: job.user,
    P: job.partition,
    V: timeOf(job.submitted),
    S: job.started === undefined ? "N/A" : timeOf(job.started),
  };
  return format.replaceAll(/%\.?\d*([a-zA-Z])/g, (all, letter: string) => values[letter] ?? all);
}

/** Returns what `scontrol show job` says about a job, on one line. */
export function descriptionOf(job: FakeJob): string {
  return [
    `JobId=${job.id} JobName=${job.name} UserId=${job.user}(0) Priority=1 JobState=${job.state} Reason=${job.reason}`,
    `SubmitTime=${timeOf(job.submitted)} StartTime=${job.started === undefined ? "Unknown" : timeOf(job.started)}`,
    `Partition=${job.partition} NodeList=${job.nodes} NumNodes=${job.nodeCount} StdOut=${job.output}`,
  ].join(" ");
}

function timeOf(date: Date): string {
  return date.toISOString().slice(0, 19);
}
