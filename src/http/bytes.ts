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
  const pieces: Uint8Array[] = [];
  let received = 0;
  let kept = 0;
  for await (const piece of piecesOf(response)) {
    const wanted = piece.subarray(Math.max(0, skip - received), Math.max(0, skip + most - received));
    received += piece.length;
    if (wanted.length > 0) pieces.push(wanted);
    kept += wanted.length;
    if (kept >= most) break;
  }
  const announced = Number(response.headers.get("content-length") ?? Number.NaN);
  const isCompressed = response.headers.has("content-encoding");
  if (kept < most && received < announced && !isCompressed) {
    throw new Error(`it ended after ${received} of ${announced} bytes`);
  }
  return joined(pieces, kept);
}

async function* piecesOf(response: PipelineResponse): AsyncGenerator<Uint8Array> {
  const { readableStreamBody, browserStreamBody, bodyAsText } = response;
  if (readableStreamBody) {
    for await (const piece of readableStreamBody) yield typeof piece === "string" ? encode(piece) : piece;
  } else if (browserStreamBody) {
    // Not every browser can iterate over a stream, so the code reads it step by step.
    const reader = browserStreamBody.getReader();
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
    } finally {
      // The rest is not needed. Canceling a stream that has ended or failed has no effect.
      reader.cancel().catch(() => undefined);
    }
  } else if (bodyAsText) {
    yield encode(bodyAsText);
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
