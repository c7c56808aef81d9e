import type { RestError } from "@azure/core-rest-pipeline";
import { timerLimit } from "../http/abort.ts";
import { AbortError, abortReason, isAbortError } from "../http/abortError.ts";
import type { ServiceContext } from "../http/context.ts";
import { readPart } from "../http/download.ts";
import type { FilePart, PartRequest, PartResult } from "../http/download.ts";
import type { OperationOptions } from "../http/options.ts";
import { retryLimitsOf } from "../http/retryLimits.ts";
import { restError } from "../http/restError.ts";
import { ValidationError } from "../http/validationError.ts";
import type { File } from "../models/file.ts";
import type { ValidationIssue } from "../wire/validate.ts";

/** Lists the files of one level of the output directory. */
export type ListFiles = (directory: string | undefined, options: OperationOptions) => AsyncIterable<File>;

/** A part of an output file. */
export interface OutputFilePart {
  /** The bytes that were read: fewer than requested at the end of the file, and none past it. */
  readonly content: Uint8Array;
  /**
   * Size of the whole file in bytes. Absent if the storage does not return it, for example to a browser on another
   * origin.
   */
  readonly fileSize?: number;
  /** ETag of the file, which changes with every change of the file. Absent if the storage does not return it. */
  readonly etag?: string;
  /** Time of the last change of the file, to the second. Absent if the storage does not return it. */
  readonly lastModified?: Date;
  /** MD5 of the content in Base64. Absent if it was not requested, or if the storage has none. */
  readonly contentMd5?: string;
}

/** Options of `jobs.readOutputFile`. */
export interface JobsReadOutputFileOptions extends OperationOptions {
  /** Number of bytes to skip, at least 0. Default: 0. */
  offset?: number;
  /** Maximum number of bytes to read, 1 to 4,194,304. Default: 4,194,304 (4 MiB). */
  length?: number;
  /** Download URL of the file, if you have it from `jobs.listOutputFiles`. Default: looked up. */
  downloadUrl?: string;
  /** Whether to request the MD5 of the part from the storage. Default: false. */
  includeMd5?: boolean;
}

/** Maximum length of a part: Azure Files returns an MD5 only up to this length. */
export const longestPart = 4 * 1024 * 1024;

/** Place of an output file. */
export interface OutputFileSource {
  /** Path in the output directory. */
  readonly path: string;
  /** Lists the files of the output directory. */
  readonly list: ListFiles;
  /** Called after `list` returned a link. Rejects if the link does not belong to the expected job. */
  readonly confirm?: () => Promise<unknown>;
}

/** An output file that can be read in parts. Looks up its download link, and renews it if necessary. */
export class OutputFile {
  readonly #context: ServiceContext;
  readonly #operation: string;
  readonly #source: OutputFileSource;
  readonly #directory: string | undefined;
  readonly #name: string;
  #link: string | undefined;

  /** @param link - Download link of the file, if it is already known. */
  constructor(context: ServiceContext, operation: string, source: OutputFileSource, link?: string) {
    const { directory, name } = splitPath(operation, source.path);
    this.#context = context;
    this.#operation = operation;
    this.#source = source;
    this.#directory = directory;
    this.#name = name;
    this.#link = link;
  }

  /** Reads a part. Returns `undefined` if the file does not exist yet, or no longer exists. */
  async read(request: Omit<PartRequest, "url">, options: OperationOptions): Promise<FilePart | undefined> {
    if (this.#link !== undefined) {
      const part = await this.#readFrom(this.#link, request, options);
      if (typeof part === "object") return part;
      // The link has expired, or its file was replaced. A new link is requested only once.
    }
    const link = (this.#link = await this.#findLink(options));
    if (link === undefined) return undefined;
    const part = await this.#readFrom(link, request, options);
    if (typeof part === "object") return part;
    this.#link = undefined;
    if (part === "rejected") throw this.#rejectedError(link);
    return undefined;
  }

  #readFrom(url: string, request: Omit<PartRequest, "url">, options: OperationOptions): Promise<PartResult> {
    const { abortSignal, requestOptions, tracingOptions } = options;
    const retryLimits = retryLimitsOf(this.#context.retryLimits, options);
    const wait = { abortSignal, timeout: timerLimit(requestOptions?.timeout), tracingOptions, retryLimits };
    return readPart(this.#context.downloads, this.#operation, { ...request, url }, wait);
  }

  async #findLink(options: OperationOptions): Promise<string | undefined> {
    for await (const { name, fileType, downloadUrl } of this.#source.list(this.#directory, options)) {
      if (name !== this.#name || fileType !== "file") continue;
      await this.#source.confirm?.();
      if (downloadUrl === undefined) throw this.#missingLinkError();
      if (!URL.canParse(downloadUrl)) throw this.#unreadableLinkError();
      return downloadUrl;
    }
    return undefined;
  }

  #missingLinkError(): RestError {
    const message =
      `${this.#operation}: the service has no download URL for ${JSON.stringify(this.#source.path)}. Azure Files may not ` +
      "allow its path: rename the file. [DownloadLinkMissing]";
    return restError(message, { code: "DownloadLinkMissing" });
  }

  #unreadableLinkError(): RestError {
    // Without the link, which can be a secret.
    const problem = `the service returned a download URL of ${this.#name} that is not an absolute URL`;
    return restError(`${this.#operation}: ${problem} [PARSE_ERROR]`, { code: "PARSE_ERROR" });
  }

  #rejectedError(link: string): RestError {
    const message =
      `${this.#operation}: the storage at ${new URL(link).origin} rejected a new download link for ${this.#name}. ` +
      "Check that the clocks of the service and the storage agree. [DownloadLinkRefused]";
    return restError(message, { code: "DownloadLinkRefused", statusCode: 403 });
  }
}

/** Reads one part of a file that must exist. */
export async function readOutputFile(
  context: ServiceContext,
  { resource, ...source }: OutputFileSource & { readonly resource: string },
  options: JobsReadOutputFileOptions,
): Promise<OutputFilePart> {
  const operation = "jobs.readOutputFile";
  const { offset = 0, length = longestPart, downloadUrl, includeMd5 } = options;
  const issues = [...issuesOf("offset", offset, 0), ...issuesOf("length", length, 1, longestPart)];
  if (downloadUrl !== undefined && !(typeof downloadUrl === "string" && URL.canParse(downloadUrl))) {
    issues.push({ path: "options.downloadUrl", message: "must be an absolute URL" });
  }
  if (issues.length > 0) throw new ValidationError(operation, issues);
  const file = new OutputFile(context, operation, source, downloadUrl);
  const part = await file.read({ offset, length, includeMd5 }, options).catch((error: unknown) => {
    if (!isAbortError(error)) throw error;
    const cause = abortReason(options.abortSignal);
    throw new AbortError(`${operation}: the read was aborted.`, { operation, resource, cause });
  });
  if (part !== undefined) return part;
  throw restError(`${operation}: the file ${source.path} does not exist [OutputFileNotFound]`, {
    code: "OutputFileNotFound",
  });
}

/** Returns the issues of a number of bytes. */
export function issuesOf(option: string, value: number, minimum: number, maximum?: number): ValidationIssue[] {
  if (Number.isSafeInteger(value) && value >= minimum && value <= (maximum ?? value)) return [];
  const range = maximum === undefined ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  return [{ path: `options.${option}`, message: `must be an integer ${range}, got ${String(value)}` }];
}

function splitPath(operation: string, path: string): { directory: string | undefined; name: string } {
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  const name = segments.pop();
  if (name === undefined || [name, ...segments].includes("..")) {
    const message = `must name a file in the output directory, got ${JSON.stringify(path)}`;
    throw new ValidationError(operation, [{ path: "path", message }]);
  }
  return { directory: segments.length === 0 ? undefined : segments.join("/"), name };
}
