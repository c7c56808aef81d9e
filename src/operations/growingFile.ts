import type { RestError } from "@azure/core-rest-pipeline";
import type { FilePart } from "../http/download.ts";
import type { OperationOptions } from "../http/options.ts";
import { restError } from "../http/restError.ts";
import { longestPart } from "./outputFile.ts";
import type { OutputFile } from "./outputFile.ts";

/** An output file that a job still appends to, and the position up to which it was read. */
export class GrowingFile {
  readonly #file: OutputFile;
  /** Description of the file for errors, for example `jobs.run: stdout.txt of job myjob`. */
  readonly #subject: string;
  #position: number;

  constructor(file: OutputFile, subject: string, position = 0) {
    this.#file = file;
    this.#subject = subject;
    this.#position = position;
  }

  /** Number of bytes before the first unread byte. */
  get position(): number {
    return this.#position;
  }

  /** Yields the unread bytes. Returns whether the file exists. Throws `OutputFileChanged` if it shrank. */
  async *unread(options: OperationOptions): AsyncGenerator<Uint8Array, boolean> {
    for (;;) {
      const part = await this.#file.read({ offset: this.#position, length: longestPart }, options);
      if (part === undefined) return false;
      if (part.fileSize !== undefined && part.fileSize < this.#position) throw this.#shrunkError(part.fileSize);
      this.#position += part.content.length;
      if (part.content.length > 0) yield part.content;
      if (!this.#hasMore(part)) return true;
    }
  }

  /** Whether more bytes follow a part. The storage may return fewer bytes than the SDK requested. */
  #hasMore({ content, fileSize = 0 }: FilePart): boolean {
    return content.length === longestPart || (content.length > 0 && this.#position < fileSize);
  }

  #shrunkError(size: number): RestError {
    const message =
      `${this.#subject} shrank from at least ${this.#position} to ${size} bytes: ` +
      "it was overwritten, so the SDK cannot continue to read it [OutputFileChanged]";
    return restError(message, { code: "OutputFileChanged" });
  }
}
