import { isRestError } from "@azure/core-rest-pipeline";
import type { ServiceContext } from "../http/context.ts";
import type { File } from "../models/file.ts";
import type { Job } from "../models/job.ts";
import { GrowingFile } from "./growingFile.ts";
import { OutputFile } from "./outputFile.ts";
import type { ListFiles } from "./outputFile.ts";
import { hasEnded } from "./waitForCompletion.ts";
import { watchedOutput } from "./watchedOutput.ts";
import { reworded } from "./waiting.ts";
import type { Watch } from "./waiting.ts";

/** New text of an output file of a job. */
export interface JobOutput {
  /**
   * Name of the file in the output directory `stdouterr`: `stdout.txt`, `stderr.txt`, or a name such as
   * `stdout-wk-0.txt` for a process of a toolkit and `stdout-job_prep.txt` for the preparation of the job.
   */
  readonly file: string;
  /** The text, decoded as UTF-8. May begin and end in the middle of a line. Never empty. */
  readonly text: string;
}

/** Called with new text of an output file of a job. */
export type JobOutputCallback = (output: JobOutput) => unknown;

/** An output file whose text is passed on. */
interface Followed {
  readonly file: GrowingFile;
  readonly decoder: TextDecoder;
}

/** Passes on the standard output and error of a watched job. */
export class JobOutputReader {
  readonly #context: ServiceContext;
  readonly #watch: Watch<Job>;
  readonly #source: ReturnType<typeof watchedOutput>;
  readonly #onOutput: JobOutputCallback;
  readonly #followed = new Map<string, Followed>();

  /** @param list - Lists the directory of the standard output and error. */
  constructor(context: ServiceContext, watch: Watch<Job>, list: ListFiles, onOutput: JobOutputCallback) {
    this.#context = context;
    this.#watch = watch;
    this.#source = watchedOutput(watch, list);
    this.#onOutput = onOutput;
  }

  /** Passes on the text that the job has written since the last call. */
  async passOn(job: Job): Promise<void> {
    // A queued job does not write, so its directory is not listed.
    if (job.executionState === "queued") return;
    try {
      for (const listed of await this.#list()) await this.#passOnFile(listed, hasEnded(job));
    } catch (error) {
      throw this.#explained(error, hasEnded(job) ? "the job has ended" : "the job continues");
    }
  }

  /** Lists the output files, and starts to follow those that are new. */
  async #list(): Promise<File[]> {
    const listed: File[] = [];
    for await (const file of this.#source.list(undefined, this.#watch.options)) {
      if (file.fileType === "file" && /^std(out|err).*\.txt$/.test(file.name)) listed.push(file);
    }
    const isNew = listed.filter(({ name }) => !this.#followed.has(name));
    if (isNew.length > 0) await this.#source.confirm();
    for (const { name, downloadUrl } of isNew) this.#follow(name, downloadUrl);
    return listed;
  }

  #follow(name: string, link: string | undefined): void {
    const { operation, subject } = this.#watch.waiting;
    const file = new OutputFile(this.#context, operation, { path: name, ...this.#source }, link);
    const growing = new GrowingFile(file, `${operation}: ${name} of ${subject}`);
    this.#followed.set(name, { file: growing, decoder: new TextDecoder() });
  }

  async #passOnFile({ name, contentLength }: File, isComplete: boolean): Promise<void> {
    const followed = this.#followed.get(name);
    if (followed === undefined) return;
    const { file, decoder } = followed;
    // The size in the list saves reading a file that has not changed. A list may lag behind, so the end is always read.
    if (isComplete || contentLength !== file.position) {
      for await (const piece of file.unread(this.#watch.options)) {
        await this.#give(name, decoder.decode(piece, { stream: true }));
      }
    }
    if (isComplete) await this.#give(name, decoder.decode());
  }

  async #give(file: string, text: string): Promise<void> {
    if (text !== "") await this.#onOutput({ file, text });
  }

  /** Adds to an error of the service or of the storage what becomes of the job. */
  #explained(error: unknown, outcome: string): unknown {
    if (!isRestError(error) || this.#watch.isLost) return error;
    const { operation, subject } = this.#watch.waiting;
    return reworded(error, `${operation}: the output of ${subject} cannot be read; ${outcome}. ${error.message}`);
  }
}
