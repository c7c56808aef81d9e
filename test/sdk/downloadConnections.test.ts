import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { createHttpHeaders } from "@azure/core-rest-pipeline";
import type { HttpClient } from "@azure/core-rest-pipeline";
import { afterEach, describe, expect, it } from "vitest";
import { ValidationError } from "../../src/index.ts";
import { quickClient, rejectionOf } from "./fixtures.ts";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Starts a storage; returns the download URL of its only file, and a function that counts open connections. */
async function storage(respond: RequestListener): Promise<{ downloadUrl: string; connections: () => Promise<number> }> {
  const started = createServer(respond).listen(0, "127.0.0.1");
  server = started;
  await once(started, "listening");
  return {
    downloadUrl: `http://127.0.0.1:${(started.address() as AddressInfo).port}/file`,
    connections: () =>
      new Promise((resolve, reject) =>
        started.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
      ),
  };
}

async function read(downloadUrl: string, length: number): Promise<string> {
  const client = quickClient({ endpoint: new URL(downloadUrl).origin, allowInsecureConnection: true });
  const { content } = await client.jobs.readOutputFile("g", "w", "e", "j", "o", "file", { downloadUrl, length });
  return new TextDecoder().decode(content);
}

describe("after a part of a file was read", () => {
  it("its connection serves the next part", async () => {
    let opened = 0;
    const { downloadUrl } = await storage((_, response) => {
      response.writeHead(206, { "content-length": 4, "content-range": "bytes 0-3/8" }).end("data");
    });
    server?.on("connection", () => (opened += 1));
    const client = quickClient({ endpoint: new URL(downloadUrl).origin, allowInsecureConnection: true });
    for (let part = 0; part < 5; part++) {
      const options = { downloadUrl, length: 4 };
      const { content } = await client.jobs.readOutputFile("g", "w", "e", "j", "o", "file", options);
      expect(new TextDecoder().decode(content)).toBe("data");
    }
    expect(opened).toBe(1);
  });

  it.each([
    ["with a content length", { "content-length": 1_000_000_000 }],
    ["without one", {}],
  ])("its connection is closed if the storage sends more, %s", async (_, headers) => {
    const { downloadUrl, connections } = await storage((_request, response) => {
      response.writeHead(200, headers);
      const send = (): void => {
        while (!response.destroyed && response.write("data".repeat(10_000)));
      };
      response.on("drain", send);
      send();
    });
    expect(await read(downloadUrl, 6)).toBe("datada");
    await expect.poll(connections).toBe(0);
  });

  it("its connection is closed if the part is another one than the requested one", async () => {
    const { downloadUrl, connections } = await storage((_, response) => {
      response.writeHead(206, { "content-range": "bytes 100-104/200" });
      response.write("hello");
    });
    for (let attempt = 0; attempt < 3; attempt++) {
      const error = await rejectionOf(read(downloadUrl, 5));
      expect(error.message).toContain("it starts after the requested range");
    }
    await expect.poll(connections).toBe(0);
  });

  it("it is complete, or an error: a body that is shorter than its range is truncated", async () => {
    const { downloadUrl } = await storage((_, response) => {
      response.writeHead(206, { "content-range": "bytes 0-99/100" }).end("hello");
    });
    expect(await rejectionOf(read(downloadUrl, 100))).toMatchObject({
      code: "PARSE_ERROR",
      message: expect.stringContaining("it ended after 5 of 100 bytes"),
    });
  });
});

describe("a download URL that is not a URL", () => {
  it("is refused without showing it", async () => {
    const client = quickClient();
    for (const downloadUrl of ["share/x?sig=SECRET", null, 5] as string[]) {
      const read = client.jobs.readOutputFile("g", "w", "e", "j", "o", "file", { downloadUrl });
      const error = await rejectionOf(read);
      expect(error).toBeInstanceOf(ValidationError);
      expect(inspect(error)).not.toContain("SECRET");
    }
  });

  it("of the service is an unreadable response", async () => {
    const value = [{ name: "file", fileType: "file", downloadUrl: "share/x?sig=SECRET" }];
    const httpClient: HttpClient = {
      sendRequest: (request) =>
        Promise.resolve({ request, status: 200, headers: createHttpHeaders(), bodyAsText: JSON.stringify({ value }) }),
    };
    const error = await rejectionOf(quickClient({ httpClient }).jobs.readOutputFile("g", "w", "e", "j", "o", "file"));
    expect(error).toMatchObject({ code: "PARSE_ERROR" });
    expect(inspect(error)).not.toContain("SECRET");
  });
});
