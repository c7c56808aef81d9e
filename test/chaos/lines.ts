import { readFileSync } from "node:fs";

/** One line that a job has appended. */
export interface JobLine {
  readonly what: "start" | "end" | "cut";
  readonly run: string;
  /** Uptime of the machine in seconds. */
  readonly uptime: number;
}

/** The lines of all jobs. */
export interface Lines {
  readonly of: (job: string) => readonly JobLine[];
  /** Returns the name of the job of a run that has appended a line. */
  readonly jobOf: (run: string) => string | undefined;
}

/** Reads the lines of all jobs. */
export function linesOf(file: string): Lines {
  const byJob = new Map<string, JobLine[]>();
  const jobs = new Map<string, string>();
  for (const text of readFileSync(file, "utf8").split("\n")) {
    const [what, job, run = "", uptime] = text.split(" ");
    if (job === undefined) continue;
    const lines = byJob.get(job) ?? [];
    jobs.set(run, job);
    lines.push({ what: what as JobLine["what"], run, uptime: Number(uptime) });
    byJob.set(job, lines);
  }
  return { of: (job) => byJob.get(job) ?? [], jobOf: (run) => jobs.get(run) };
}
