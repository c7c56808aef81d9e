import type { PipelineResponse } from "@azure/core-rest-pipeline";

/** Part of a body to read. */
export interface WantedBytes {
  /** Number of bytes to skip. */
  readonly skip: number;
  /** Maximum number of bytes to return; the rest is not read. */
  readonly most: number;
}

/** Reads the body of a streamed response. Throws if the body is shorter than its `Content-Length`. */
export async function bytesOf(response: PipelineResponse, { skip, most }: WantedBytes): Promise<Uint8Array> {
  const announced = lengthOf(response);
  const pieces: Uint8Array[] = [];
  let received = 0;
  let kept = 0;
  for await (const piece of piecesOf(response)) {
    const wanted = piece.subarray(Math.max(0, skip - received), Math.max(0, skip + most - received));
    received += piece.length;
    if (wanted.length > 0) pieces.push(wanted);
    kept += wanted.length;
    // A body that is complete is read to its end, because the connection then stays open for the next request.
    if (kept >= most && received !== announced) break;
  }
  if (announced !== undefined && kept < most && received < announced) {
    throw new Error(`it ended after ${received} of ${announced} bytes`);
  }
  return joined(pieces, kept);
}

/** Returns the length of a body. `undefined` if the response does not announce it, or is compressed. */
function lengthOf({ headers }: PipelineResponse): number | undefined {
  const length = headers.get("content-length");
  return length === undefined || headers.has("content-encoding") ? undefined : Number(length);
}

async function* piecesOf({ readableStreamBody, browserStreamBody, bodyAsText }: PipelineResponse) {
  if (readableStreamBody) yield* piecesOfNodeStream(readableStreamBody);
  else if (browserStreamBody) yield* piecesOfWebStream(browserStreamBody);
  else if (bodyAsText) yield encode(bodyAsText);
}

async function* piecesOfNodeStream(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array> {
  const pieces = stream[Symbol.asyncIterator]();
  try {
    for (let read = await pieces.next(); !read.done; read = await pieces.next()) {
      yield typeof read.value === "string" ? encode(read.value) : read.value;
    }
  } finally {
    // The rest is not needed. A `for await` would do the same, but reject if closing fails, as in Cloudflare Workers
    // ("Cannot set property socket"). Closing a stream that has ended or failed has no effect.
    await pieces.return?.().catch(() => undefined);
  }
}

async function* piecesOfWebStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  // Not every browser can iterate over a stream, so the code reads it step by step.
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    // The rest is not needed. Canceling a stream that has ended or failed has no effect.
    reader.cancel().catch(() => undefined);
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Closes the body of a response that is not read. */
export function discard({ readableStreamBody, browserStreamBody }: PipelineResponse): void {
  if (readableStreamBody && "destroy" in readableStreamBody) (readableStreamBody as { destroy(): void }).destroy();
  // Canceling a stream that is being read rejects; its reader then closes it.
  browserStreamBody?.cancel().catch(() => undefined);
}
