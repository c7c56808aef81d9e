import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type BatchAIManagementClient, type File, isRestError, type Job } from "../../src/index.ts";

const LOOK_EVERY_IN_MS = 500;

/** The names that lead to a job. */
export type JobPath = readonly [resourceGroup: string, workspace: string, experiment: string, job: string];

/** Lists the files of one output directory of a job, its sub-directories not included. */
export async function filesOf(client: BatchAIManagementClient, job: JobPath, directory: string): Promise<File[]> {
  const files: File[] = [];
  for await (const file of client.jobs.listOutputFiles(...job, directory)) {
    if (file.fileType === "file") files.push(file);
  }
  return files;
}

/** Downloads a file of a job into a folder, and answers the path. */
export async function download(file: File, folder: string, signal: AbortSignal): Promise<string> {
  const path = join(folder, basename(file.name ?? ""));
  const response = await fetch(file.downloadUrl ?? "", { signal });
  if (!response.ok || !response.body) throw new Error(`${file.name} cannot be downloaded: HTTP ${response.status}.`);
  await mkdir(folder, { recursive: true });
  await pipeline(response.body, createWriteStream(path), { signal });
  return path;
}

/** Waits for the end of a job, hands on every line that it writes to stdout.txt meanwhile, and answers the ended job. */
export async function follow(
  client: BatchAIManagementClient,
  path: JobPath,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<Job> {
  const lines = new LineSplitter(onLine);
  let stdout: File | undefined;
  for (;;) {
    // Asked before reading: what is written before the end is read before the loop ends.
    const job = await client.jobs.get(...path);
    stdout ??= (await filesOf(client, path, "stdouterr")).find((file) => file.name === "stdout.txt");
    const news = stdout?.downloadUrl ? await readFrom(stdout.downloadUrl, lines.bytes, signal) : undefined;
    if (news) lines.add(news);
    else stdout = undefined; // not there yet, or its address has expired: look again
    if (hasEnded(job)) {
      lines.finish();
      return job;
    }
    await delay(LOOK_EVERY_IN_MS, undefined, { signal });
  }
}

/** Ends a job that is still waiting or running; resolves when none of its processes is left. */
export async function endJob(client: BatchAIManagementClient, path: JobPath): Promise<void> {
  try {
    await client.jobs.terminate(...path);
    while (!hasEnded(await client.jobs.get(...path))) await delay(LOOK_EVERY_IN_MS);
  } catch (error) {
    if (!isRestError(error) || error.statusCode !== 404) throw error;
    // There is none (any more): nothing to end.
  }
}

function hasEnded({ executionState }: Job): boolean {
  return executionState === "succeeded" || executionState === "failed";
}

/** Why a job failed, in the words of the service. */
export function reasonsOf({ executionInfo }: Job): string {
  const reasons = (executionInfo?.errors ?? []).map(({ code, message, details = [] }) => {
    return [`${code}: ${message}`, ...details.map(({ name, value }) => `  ${name}: ${value}`)].join("\n");
  });
  if (executionInfo?.exitCode !== undefined) reasons.push(`Exit code ${executionInfo.exitCode}.`);
  return reasons.join("\n");
}

/** Reads what a file has beyond an offset. HTTP 416 says that there is nothing new. */
async function readFrom(url: string, offset: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const response = await fetch(url, { headers: { range: `bytes=${offset}-` }, signal });
  const body = new Uint8Array(await response.arrayBuffer());
  if (response.status === 206) return body;
  return response.status === 416 ? new Uint8Array() : undefined;
}

/** Puts lines together from pieces of text that begin and end anywhere. */
class LineSplitter {
  bytes = 0;
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    lines.forEach(this.#onLine);
  }

  finish(): void {
    if (this.#rest !== "") this.#onLine(this.#rest);
  }
}
