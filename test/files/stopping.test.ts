import { once } from "node:events";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { join } from "node:path";
import { FileSASPermissions } from "@azure/storage-file-share";
import type { ShareClient } from "@azure/storage-file-share";
import { describe, expect, it } from "vitest";
import { withFolder } from "../service/serviceProcess.ts";
import { FilesProcess } from "./filesProcess.ts";

const large = 64 * 1024 * 1024;
const head = {
  "x-ms-write": "update",
  range: "bytes=0-999999",
  "content-length": "1000000",
  "x-ms-version": "2021-06-08",
};

interface Running {
  readonly endpoint: FilesProcess;
  readonly share: ShareClient;
  readonly folder: string;
}

/** An endpoint with a large file and an empty one, and requests whose duration the test controls. */
async function withEndpoint(flags: readonly string[], use: (running: Running) => Promise<void>): Promise<void> {
  await withFolder(async (dataDir) => {
    const endpoint = await FilesProcess.start(dataDir, ["--port", "0", ...flags]);
    const share = endpoint.client().getShareClient("busy");
    await share.create();
    const folder = join(dataDir, endpoint.account.name, "busy");
    await writeFile(join(folder, "large"), Buffer.alloc(large, 1));
    await share.rootDirectoryClient.getFileClient("empty").create(1_000_000);
    try {
      await use({ endpoint, share, folder });
    } finally {
      await endpoint.kill();
    }
  });
}

function addressOf({ share }: Running, name: string): string {
  const expiresOn = new Date(Date.now() + 600_000);
  const file = share.rootDirectoryClient.getFileClient(name);
  return file.generateSasUrl({ permissions: FileSASPermissions.parse("rw"), expiresOn });
}

/** Starts a download without reading its content yet. */
async function startDownload(running: Running): Promise<IncomingMessage> {
  const [response] = (await once(request(addressOf(running, "large")).end(), "response")) as [IncomingMessage];
  response.pause();
  return response;
}

/** Starts an upload, and holds back its second half. */
async function startUpload(running: Running): Promise<ClientRequest> {
  const upload = request(`${addressOf(running, "empty")}&comp=range`, {
    method: "PUT",
    headers: { ...head, expect: "100-continue" },
  });
  upload.on("error", () => undefined);
  upload.flushHeaders();
  await once(upload, "continue");
  upload.write(Buffer.alloc(500_000, "a"));
  return upload;
}

/** Waits until the endpoint accepts no new requests. */
async function untilRefused(address: string): Promise<void> {
  const look = (): Promise<number | "none"> =>
    fetch(address, { method: "HEAD" }).then(
      ({ status }) => status,
      () => "none",
    );
  await expect.poll(look).toBe("none");
}

async function lengthOf(response: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) bytes += chunk.length;
  return bytes;
}

describe.each(["SIGTERM", "SIGINT"] as const)("an endpoint that is stopped by %s", (signal) => {
  it("completes active requests, accepts no new ones, and exits with code 0", async () => {
    await withEndpoint([], async (running) => {
      const { endpoint, folder } = running;
      const download = await startDownload(running);
      const upload = await startUpload(running);
      const address = addressOf(running, "large");
      const ended = endpoint.stop(signal);
      await untilRefused(address);
      upload.end(Buffer.alloc(500_000, "b"));
      const [answer] = (await once(upload, "response")) as [IncomingMessage];
      expect(answer.statusCode).toBe(201);
      answer.resume();
      expect(await lengthOf(download)).toBe(large);
      expect(await ended).toBe(0);
      const written = await readFile(join(folder, "empty"), "latin1");
      expect(written).toBe("a".repeat(500_000) + "b".repeat(500_000));
    });
  });
});

describe("an endpoint whose grace period is over", () => {
  it("closes the connections of idle clients, and corrupts nothing", async () => {
    await withEndpoint(["--grace-seconds", "1"], async (running) => {
      const { endpoint, folder } = running;
      const download = await startDownload(running);
      const upload = await startUpload(running);
      const answered = once(upload, "response").catch(() => "cut off");
      const start = performance.now();
      expect(await endpoint.stop()).toBe(0);
      const took = performance.now() - start;
      expect(took).toBeGreaterThanOrEqual(900);
      expect(took).toBeLessThan(60_000);
      await expect(lengthOf(download)).rejects.toThrow();
      expect(await Promise.race([answered, once(upload, "close").then(() => "cut off")])).toBe("cut off");
      expect((await readFile(join(folder, "empty"))).equals(Buffer.alloc(1_000_000))).toBe(true);
      expect(endpoint.output).not.toContain("level");
    });
  });

  it("aborts a snapshot in progress, which the next start removes", async () => {
    await withEndpoint(["--grace-seconds", "0"], async (running) => {
      const { endpoint, share, folder } = running;
      await mkdir(join(folder, "many"));
      for (let index = 0; index < 3000; index++) await writeFile(join(folder, "many", String(index)), "x".repeat(5000));
      const aside = async (): Promise<string[]> =>
        (await readdir(join(folder, ".."))).filter((name) => name.startsWith("."));
      const snapshot = share.createSnapshot().then(
        () => "taken",
        () => "cut off",
      );
      await expect.poll(aside).toHaveLength(1);
      expect(await endpoint.stop()).toBe(0);
      expect(await snapshot).toBe("cut off");
      expect(await aside()).toEqual([]);
    });
  });

  it("stops immediately on a second signal", async () => {
    await withEndpoint(["--grace-seconds", "600"], async (running) => {
      await startDownload(running);
      const address = addressOf(running, "large");
      const ended = running.endpoint.stop("SIGINT");
      await untilRefused(address);
      await running.endpoint.stop("SIGINT");
      expect(await ended).toBe("SIGINT");
    });
  });
});

describe("an endpoint that is closed in the middle of requests whose clients are gone", () => {
  it("closes no file that they still use", async () => {
    await withEndpoint(["--grace-seconds", "0"], async (running) => {
      const uploads = await Promise.all(Array.from({ length: 10 }, () => startUpload(running)));
      for (const upload of uploads.slice(5)) upload.destroy();
      expect(await running.endpoint.stop()).toBe(0);
      expect(running.endpoint.output).not.toContain("level");
    });
  });
});
