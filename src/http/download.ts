import type { AbortSignalLike } from "@azure/abort-controller";
import {
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
  decompressResponsePolicyName,
  isRestError,
  proxyPolicyName,
  setClientRequestIdPolicyName,
  userAgentPolicyName,
} from "@azure/core-rest-pipeline";
import type {
  LogPolicyOptions,
  Pipeline,
  PipelineOptions,
  PipelinePolicy,
  PipelineRequest,
  PipelineResponse,
  RestError,
  SendRequest,
} from "@azure/core-rest-pipeline";
import { withAnySignal } from "./abort.ts";
import type { Connections } from "./connections.ts";
import { bytesOf, discard } from "./bytes.ts";
import { logger } from "./logger.ts";
import type { OperationOptions } from "./options.ts";
import { restError } from "./restError.ts";
import { isSecure } from "./secureUrl.ts";
import { limitRetries, retryingPolicy, retryingPolicyName } from "./policies/retryingPolicy.ts";
import type { RetryLimits } from "./retryLimits.ts";
import { traceRequests } from "./policies/tracingPolicy.ts";

/** Downloads files by their signed URLs. Has no access to the client's token: a signed URL is a credential itself. */
export interface Downloads {
  readonly pipeline: Pipeline;
  readonly connections: Connections;
  /** Retries attempts; not a part of the pipeline, because an attempt includes reading the body. */
  readonly retries: PipelinePolicy;
}

/** Part of a file to read. */
export interface PartRequest {
  /** Signed download URL of the file. */
  readonly url: string;
  /** Number of bytes to skip. */
  readonly offset: number;
  /** Maximum number of bytes to read. */
  readonly length: number;
  /** Whether to request the MD5 of the part from the storage. */
  readonly includeMd5?: boolean;
}

/** Outcome of reading a part. `rejected`: the URL is not valid or has expired; `missing`: the file does not exist. */
export type PartResult = FilePart | "rejected" | "missing";

/** A part of a file; empty past its end. */
export interface FilePart {
  readonly content: Uint8Array;
  /** Size of the whole file in bytes; absent if the response does not contain it. */
  readonly fileSize?: number;
  readonly etag?: string;
  readonly lastModified?: Date;
  /** MD5 of the content in Base64; absent if it was not requested or the storage has none. */
  readonly contentMd5?: string;
}

/** Options of a client that also apply to downloads. */
type DownloadsOptions = PipelineOptions & { readonly loggingOptions?: LogPolicyOptions };

/** Headers that may be logged. Queries are never logged, even if the user allows them for other requests. */
const safeHeaders = ["range", "content-range", "x-ms-error-code", "x-ms-request-id"];

/** Prepares downloads; `allowLoopback` allows plain HTTP to this machine. The user's policies never see signed URLs. */
export function createDownloads(
  options: DownloadsOptions,
  allowLoopback: boolean,
  connections: Connections,
  retryLimits: RetryLimits,
): Downloads {
  const { retryOptions, proxyOptions, tlsOptions, agent, redirectOptions } = options;
  const loggingOptions = {
    logger: options.loggingOptions?.logger ?? logger.info,
    additionalAllowedHeaderNames: safeHeaders,
  };
  const pipeline = createPipelineFromOptions({
    ...{ retryOptions, proxyOptions, tlsOptions, agent, redirectOptions, loggingOptions },
  });
  // Without these policies, browsers send the request to another origin without a CORS preflight. Compression would
  // also change the meaning of ranges.
  for (const name of [userAgentPolicyName, setClientRequestIdPolicyName, decompressResponsePolicyName]) {
    pipeline.removePolicy({ name });
  }
  if (allowLoopback) pipeline.removePolicy({ name: proxyPolicyName });
  traceRequests(pipeline);
  pipeline.removePolicy({ name: retryingPolicyName });
  pipeline.addPolicy(secureLinksPolicy(allowLoopback), { phase: "Sign" });
  return { pipeline, connections, retries: retryingPolicy(retryOptions, retryLimits) };
}

function secureLinksPolicy(allowLoopback: boolean): PipelinePolicy {
  return {
    name: "secureLinksPolicy",
    async sendRequest(request, next) {
      const url = new URL(request.url);
      if (isSecure(url, allowLoopback)) return next(request);
      const message =
        `Refused to send a signed download URL to ${url.origin} over plain HTTP, where it could be intercepted. ` +
        "The service must use HTTPS in its download links.";
      throw restError(message, { code: "InsecureConnection" });
    },
  };
}

/** Options of reading a part. */
export interface PartOptions {
  readonly abortSignal?: AbortSignalLike;
  /** Maximum time in milliseconds for one attempt. Default: 0, no limit. */
  readonly timeout?: number;
  readonly retryLimits: RetryLimits;
  /** Parent span of the attempts. Default: the active span. */
  readonly tracingOptions?: OperationOptions["tracingOptions"];
}

/**
 * Reads a part of a file. Retries truncated responses, so the result is a complete part or an error. Neither errors nor
 * logs contain the query of the URL, and errors do not contain the request.
 */
export async function readPart(
  downloads: Downloads,
  operation: string,
  part: PartRequest,
  options: PartOptions,
): Promise<PartResult> {
  const request = createPartRequest(part, options);
  let file: FilePart | undefined;
  const attempt: SendRequest = async () => {
    const received = await attemptPart(downloads, request, part, options);
    ({ file } = received);
    return received.response;
  };
  const { status, headers } = await downloads.retries.sendRequest(request, attempt).catch((error: unknown) => {
    throw isRestError(error) ? downloadError(operation, part, error.message, error) : error;
  });
  if (file !== undefined) return file;
  if (status === 401 || status === 403) return "rejected";
  if (status === 404) return "missing";
  const code = headers.get("x-ms-error-code");
  throw downloadError(operation, part, `the storage returned HTTP ${status}`, { code, statusCode: status });
}

function createPartRequest(
  { url, offset, length, includeMd5 = false }: PartRequest,
  { abortSignal, tracingOptions, retryLimits }: PartOptions,
): PipelineRequest {
  const request = createPipelineRequest({
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
  // `createPipelineRequest` ignores this option.
  request.tracingOptions = tracingOptions;
  limitRetries(request, retryLimits);
  return request;
}

/** Sends a request and reads its body, both within the time limit. */
async function attemptPart(
  downloads: Downloads,
  request: PipelineRequest,
  part: PartRequest,
  { abortSignal, timeout = 0 }: PartOptions,
): Promise<Exchange> {
  const { connections } = downloads;
  const timer = timeout > 0 ? AbortSignal.timeout(timeout) : undefined;
  try {
    return await withAnySignal([abortSignal, timer], (signal) => {
      request.abortSignal = signal;
      return connections.reading(exchange(downloads, request, part));
    });
  } catch (error) {
    if (abortSignal?.aborted || isRestError(error)) throw error;
    if (timer?.aborted) throw restError(`no complete response within ${timeout} ms`, { code: "ETIMEDOUT" });
    const broken = error instanceof Error ? error.message : "the connection was lost";
    throw restError(`the response was truncated: ${broken}`, { code: "PARSE_ERROR" });
  } finally {
    request.abortSignal = abortSignal;
  }
}

/** A response, and the part that its body contains. */
interface Exchange {
  readonly response: PipelineResponse;
  readonly file?: FilePart;
}

async function exchange(
  { pipeline, connections }: Downloads,
  request: PipelineRequest,
  part: PartRequest,
): Promise<Exchange> {
  const response = await pipeline.sendRequest(connections.httpClient, request);
  if (![200, 206, 416].includes(response.status)) return { response };
  try {
    return { response, file: await receive(response, part) };
  } catch (error) {
    // A body that nobody reads would occupy its connection.
    discard(response);
    throw error;
  }
}

async function receive(response: PipelineResponse, part: PartRequest): Promise<FilePart> {
  const { headers, status } = response;
  const [, first, last, size] = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  const lastModified = new Date(headers.get("last-modified") ?? Number.NaN);
  const about = {
    fileSize: size === undefined || size === "*" ? undefined : Number(size),
    etag: headers.get("etag"),
    lastModified: Number.isNaN(lastModified.getTime()) ? undefined : lastModified,
  };
  if (status === 416) return { ...about, content: new Uint8Array() };
  const whole = status === 200;
  // A storage without support for ranges returns the whole file. The code then skips the other bytes.
  const skip = whole ? part.offset : part.offset - Number(first ?? part.offset);
  if (skip < 0) throw new Error("it starts after the requested range");
  const announced = whole || last === undefined ? part.length : Number(last) + 1 - part.offset;
  const content = await bytesOf(response, { skip, most: Math.min(part.length, announced) });
  if (!whole && last !== undefined && content.length < Math.min(part.length, announced)) {
    throw new Error(`it ended after ${content.length} of ${announced} bytes`);
  }
  const contentMd5 = whole ? undefined : headers.get("content-md5");
  return { ...about, ...(whole ? { fileSize: undefined } : {}), content, contentMd5 };
}

/** Creates an error that names the file and its origin, but contains neither the request nor the query of the URL. */
function downloadError(
  operation: string,
  { url }: PartRequest,
  reason: string,
  { code = "DownloadFailed", statusCode }: { code?: string; statusCode?: number },
): RestError {
  const { origin, pathname } = new URL(url);
  const said = reason.replaceAll(url, `${origin}${pathname}`);
  return restError(`${operation}: ${origin}${pathname} could not be read: ${said} [${code}]`, { code, statusCode });
}
