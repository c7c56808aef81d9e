import { readFileSync } from "node:fs";

/** One line that a job has appended. */
export interface JobLine {
  readonly what: "start" | "end" | "cut";
  readonly run: string;
  /** Uptime of the machine in seconds. */
  readonly uptime: number;
}

/** Reads the lines of all jobs. */
export function linesOf(file: string): { of: (job: string) => readonly JobLine[] } {
  const byJob = new Map<string, JobLine[]>();
  for (const text of readFileSync(file, "utf8").split("\n")) {
    const [what, job, run = "", uptime] = text.split(" ");
    if (job === undefined) continue;
    const lines = byJob.get(job) ?? [];
    lines.push({ what: what as JobLine["what"], run, uptime: Number(uptime) });
    byJob.set(job, lines);
  }
  return { of: (job) => byJob.get(job) ?? [] };
}
