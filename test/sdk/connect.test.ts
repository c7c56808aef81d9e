import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../src/index.ts";
import type { PipelinePolicy } from "../../src/index.ts";
import { BatchAIService } from "../../src/service/index.ts";
import { collect } from "./fixtures.ts";

let dataDir: string;
let service: BatchAIService;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "connect-"));
  service = await BatchAIService.start({ dataDir });
});
afterAll(async () => {
  await service.close();
  await rm(dataDir, { recursive: true });
});

describe("connect", () => {
  it("takes the connection of a service, the path of its file, or its file URL", async () => {
    for (const connection of [service.connection, service.connectionFile, pathToFileURL(service.connectionFile)]) {
      const client = connect(connection);
      expect(await collect(client.workspaces.list())).toEqual([]);
      await client.close();
    }
  });

  it("passes other options on to the client", async () => {
    let seen = 0;
    const policy: PipelinePolicy = {
      name: "counting",
      sendRequest: (request, next) => {
        seen += 1;
        return next(request);
      },
    };
    const client = connect(service.connection, { additionalPolicies: [{ policy, position: "perCall" }] });
    await collect(client.workspaces.list());
    expect(seen).toBe(1);
  });

  it("says what is wrong with a connection, without its token", async () => {
    const { endpoint, subscriptionId, token } = service.connection;
    const wrong: [unknown, RegExp][] = [
      [undefined, /^connection: must be an object, or the path of a connection\.json$/],
      [[], /^connection: must be an object/],
      [{ endpoint, token }, /^connection\.subscriptionId: must be a string that is not empty$/],
      [{ endpoint, subscriptionId, token: "" }, /^connection\.token: must be a string that is not empty$/],
      [{ endpoint: "http://example.com", subscriptionId, token }, /^endpoint: Refused to send a token/],
      [{ endpoint: "nonsense", subscriptionId, token }, /^endpoint: must be an absolute URL/],
    ];
    for (const [connection, message] of wrong) {
      expect(() => connect(connection as string)).toThrow(message);
    }
    const file = join(dataDir, "broken.json");
    await writeFile(file, `{"token": "${token}"`);
    for (const [path, message] of [
      [
        join(dataDir, "missing.json"),
        /^connection: cannot read .*missing\.json: it does not exist\. The service creates/,
      ],
      [dataDir, /^connection: cannot read .*: it is a folder, not a file/],
      [file, /^connection: .*broken\.json is not JSON$/],
    ] as const) {
      let caught: unknown;
      try {
        connect(path);
      } catch (error) {
        caught = error;
      }
      expect((caught as Error).message).toMatch(message);
      expect(inspect(caught, { depth: 9 })).not.toContain(token);
    }
  });
});
