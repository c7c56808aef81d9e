import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShareServiceClient, StorageSharedKeyCredential } from "@azure/storage-file-share";
import { FilesService } from "../../src/files/filesService.ts";

export const account = { name: "testaccount", key: randomBytes(64).toString("base64") };
export const credential = new StorageSharedKeyCredential(account.name, account.key);

/** A running endpoint on its own folder, and the official client for it. */
export interface Fixture {
  readonly dataDir: string;
  readonly service: FilesService;
  readonly client: ShareServiceClient;
  readonly logged: string[];
  close(): Promise<void>;
}

export async function startFixture(): Promise<Fixture> {
  const dataDir = await mkdtemp(join(tmpdir(), "batchai-files-"));
  const logged: string[] = [];
  const log = (message: string, details?: Record<string, unknown>): void => {
    logged.push(`${message} ${JSON.stringify(details)}`);
  };
  const service = await FilesService.start({ dataDir, accounts: [account], log });
  return {
    dataDir,
    service,
    client: clientOf(service),
    logged,
    async close() {
      await service.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

export function clientOf(service: FilesService): ShareServiceClient {
  return new ShareServiceClient(service.fileEndpoint(account.name), credential, { retryOptions: { maxTries: 1 } });
}

/** Returns the part of a rejection that a client sees. */
export async function refusal(promise: Promise<unknown>): Promise<{ status?: number; code?: string; body: string }> {
  try {
    await promise;
  } catch (error) {
    const { statusCode, code, response, details } = error as {
      statusCode?: number;
      code?: string;
      response?: { bodyAsText?: string };
      details?: unknown;
    };
    return { status: statusCode, code, body: JSON.stringify([response?.bodyAsText, details]) };
  }
  throw new Error("The call was expected to fail, and it did not.");
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends a request without normalizing its path. */
export function rawRequest(
  service: FilesService,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(service.endpoint);
  return new Promise((resolve, reject) => {
    const call = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode: status = 0, headers: received } = response;
        resolve({ status, headers: received, body: Buffer.concat(chunks).toString() });
      });
    });
    call.on("error", reject);
    call.end(body);
  });
}
