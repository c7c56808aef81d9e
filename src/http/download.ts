import type { AbortSignalLike } from "@azure/abort-controller";
import {
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
  decompressResponsePolicyName,
  isRestError,
  proxyPolicyName,
  RestError,
  setClientRequestIdPolicyName,
  userAgentPolicyName,
} from "@azure/core-rest-pipeline";
import type {
  HttpClient,
  LogPolicyOptions,
  Pipeline,
  PipelineOptions,
  PipelinePolicy,
  PipelineRequest,
  PipelineResponse,
} from "@azure/core-rest-pipeline";
import { delay, withAnySignal } from "./abort.ts";
import { bytesOf } from "./bytes.ts";
import { logger } from "./logger.ts";
import { isLoopback } from "../ground/loopback.ts";
import type { OperationOptions } from "./options.ts";
import { traceRequests } from "./tracingPolicy.ts";

/** What fetches files by their links. It knows nothing of the client's token: a link is a credential by itself. */
export interface Downloads {
  readonly pipeline: Pipeline;
  readonly httpClient: HttpClient;
  /** How often an answer that breaks off is asked for again, and the first pause before that in milliseconds. */
  readonly retries: { readonly most: number; readonly delayInMs: number };
}

/** Which part of a file is wanted. */
export interface PartRequest {
  /** Link to the file, with its signature. */
  readonly url: string;
  /** Number of bytes to skip. */
  readonly offset: number;
  /** Most bytes to read. */
  readonly length: number;
  /** Whether the storage is asked for the MD5 of the part. */
  readonly includeMd5?: boolean;
}

/** What came of it. `refused` is a link that is not valid (any more), `missing` a file that is not there (any more). */
export type PartAnswer = FilePart | "refused" | "missing";

/** A part of a file; empty beyond its end. */
export interface FilePart {
  readonly content: Uint8Array;
  /** Size of the whole file in bytes; absent when the answer does not tell. */
  readonly fileSize?: number;
  readonly etag?: string;
  readonly lastModified?: Date;
  /** MD5 of the content in Base64; absent when it was not asked for or the storage has none. */
  readonly contentMd5?: string;
}

/** What of a client's options downloads obey. */
type DownloadsOptions = PipelineOptions & { readonly loggingOptions?: LogPolicyOptions };

/** Headers that logs may show. Queries stay hidden, whatever the user allows for other requests. */
const safeHeaders = ["range", "content-range", "x-ms-error-code", "x-ms-request-id"];

/** Prepares downloads; `allowLoopback` allows plain HTTP to this machine. Policies of the user do not see links. */
export function createDownloads(options: DownloadsOptions, allowLoopback: boolean, httpClient: HttpClient): Downloads {
  const { retryOptions, proxyOptions, tlsOptions, agent, redirectOptions } = options;
  const loggingOptions = {
    logger: options.loggingOptions?.logger ?? logger.info,
    additionalAllowedHeaderNames: safeHeaders,
  };
  const pipeline = createPipelineFromOptions({
    ...{ retryOptions, proxyOptions, tlsOptions, agent, redirectOptions, loggingOptions },
  });
  // What is left is a request that browsers send to another origin without asking there first; and compression would
  // change the meaning of ranges.
  for (const name of [userAgentPolicyName, setClientRequestIdPolicyName, decompressResponsePolicyName]) {
    pipeline.removePolicy({ name });
  }
  if (allowLoopback) pipeline.removePolicy({ name: proxyPolicyName });
  traceRequests(pipeline);
  pipeline.addPolicy(secureLinksPolicy(allowLoopback), { phase: "Sign" });
  const retries = { most: retryOptions?.maxRetries ?? 3, delayInMs: retryOptions?.retryDelayInMs ?? 1000 };
  return { pipeline, httpClient, retries };
}

function secureLinksPolicy(allowLoopback: boolean): PipelinePolicy {
  return {
    name: "secureLinksPolicy",
    async sendRequest(request, next) {
      const url = new URL(request.url);
      const isSafe = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url) && allowLoopback);
      if (isSafe) return next(request);
      const message =
        `Refused to send a download link to ${url.origin} by plain HTTP: it is a secret, and anybody on the way ` +
        "could read it. The service has to make links with https.";
      throw new RestError(message, { code: "InsecureConnection" });
    },
  };
}

/** How a part is waited for. */
export interface PartOptions {
  readonly abortSignal?: AbortSignalLike;
  /** Longest time in milliseconds that one attempt may take. Default: 0, no limit. */
  readonly timeout?: number;
  /** What the spans of the attempts belong to. Default: the active span. */
  readonly tracingOptions?: OperationOptions["tracingOptions"];
}

/**
 * Reads a part of a file. An answer that breaks off is asked for again, so that a part is whole or an error. Neither
 * errors nor logs hold the query of the link, and errors do not hold the request.
 */
export async function readPart(
  downloads: Downloads,
  operation: string,
  part: PartRequest,
  { abortSignal, timeout = 0, tracingOptions }: PartOptions,
): Promise<PartAnswer> {
  const { most, delayInMs } = downloads.retries;
  for (let attempt = 0; ; attempt++) {
    const timer = timeout > 0 ? AbortSignal.timeout(timeout) : undefined;
    try {
      return await withAnySignal([abortSignal, timer], (signal) =>
        attemptPart(downloads, operation, part, { abortSignal: signal, tracingOptions }),
      );
    } catch (error) {
      // What the pipeline gave up is not tried again here.
      if (abortSignal?.aborted || isRestError(error)) throw error;
      const broken = error instanceof Error ? error.message : "the connection was lost";
      const reason = timer?.aborted ? `no whole answer within ${timeout} ms` : `the answer broke off: ${broken}`;
      if (attempt >= most) throw downloadError(operation, part, reason, timer?.aborted ? { code: "ETIMEDOUT" } : error);
      logger.info(`${operation}: an answer broke off and is asked for again`);
    }
    await withAnySignal([abortSignal], (signal) => delay(delayInMs * 2 ** attempt, signal));
  }
}

/** How one attempt is made; its time is up when the signal says so. */
type AttemptOptions = PartOptions & { readonly abortSignal: AbortSignalLike };

async function attemptPart(
  downloads: Downloads,
  operation: string,
  part: PartRequest,
  options: AttemptOptions,
): Promise<PartAnswer> {
  const response = await sendFor(downloads, operation, part, options);
  if (response.status === 401 || response.status === 403) return "refused";
  if (response.status === 404) return "missing";
  if ([200, 206, 416].includes(response.status)) return receive(response, part);
  throw downloadError(operation, part, `the storage answered HTTP ${response.status}`, response);
}

async function sendFor(
  { pipeline, httpClient }: Downloads,
  operation: string,
  part: PartRequest,
  { abortSignal, tracingOptions }: AttemptOptions,
): Promise<PipelineResponse> {
  const { url, offset, length, includeMd5 = false } = part;
  const request: PipelineRequest = createPipelineRequest({
    url,
    headers: createHttpHeaders({
      range: `bytes=${offset}-${offset + length - 1}`,
      ...(includeMd5 ? { "x-ms-range-get-content-md5": "true" } : {}),
    }),
    abortSignal,
    allowInsecureConnection: new URL(url).protocol === "http:",
    streamResponseStatusCodes: new Set([200, 206]),
    enableBrowserStreams: true,
  });
  // What makes requests forgets this one of its options.
  request.tracingOptions = tracingOptions;
  try {
    return await pipeline.sendRequest(httpClient, request);
  } catch (error) {
    if (abortSignal.aborted || !isRestError(error)) throw error;
    throw downloadError(operation, part, error.message, error);
  }
}

async function receive(response: PipelineResponse, part: PartRequest): Promise<FilePart> {
  const { headers, status } = response;
  const [, first, size] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  const lastModified = new Date(headers.get("last-modified") ?? Number.NaN);
  const about = {
    fileSize: size === undefined || size === "*" ? undefined : Number(size),
    etag: headers.get("etag"),
    lastModified: Number.isNaN(lastModified.getTime()) ? undefined : lastModified,
  };
  if (status === 416) return { ...about, content: new Uint8Array() };
  const whole = status === 200;
  // Storage that does not know ranges answers the whole file; what was not asked for is passed over.
  const skip = whole ? part.offset : part.offset - Number(first ?? part.offset);
  if (skip < 0) throw new Error("it begins behind the bytes that were asked for");
  const content = await bytesOf(response, { skip, most: part.length });
  const contentMd5 = whole ? undefined : headers.get("content-md5");
  return { ...about, ...(whole ? { fileSize: undefined } : {}), content, contentMd5 };
}

/** An error that says which file it was, and where; what it holds of the request or of the link is nothing. */
function downloadError(operation: string, { url }: PartRequest, reason: string, from: unknown): RestError {
  const { origin, pathname } = new URL(url);
  const header = isResponse(from) ? from.headers.get("x-ms-error-code") : undefined;
  const code = header ?? codeOf(from) ?? "DownloadFailed";
  const statusCode = isResponse(from) ? from.status : isRestError(from) ? from.statusCode : undefined;
  const said = reason.replaceAll(url, `${origin}${pathname}`);
  return new RestError(`${operation}: ${origin}${pathname} could not be read: ${said} [${code}]`, { code, statusCode });
}

function isResponse(from: unknown): from is PipelineResponse {
  return typeof from === "object" && from !== null && "headers" in from && "status" in from;
}

function codeOf(from: unknown): string | undefined {
  return typeof from === "object" && from !== null && "code" in from && typeof from.code === "string"
    ? from.code
    : undefined;
}
