import { createServer } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { ResourceManagementClient } from "@azure/arm-resources";
import nock from "nock";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BatchAIManagementClientOptions, TokenCredential } from "../../src/index.ts";
import { allowLoopbackHttp, BatchAIManagementClient, tokenCredential } from "../../src/index.ts";
import { azureIsNock, quickClient, rejectionOf, token, workspaceBody, workspacePath } from "./fixtures.ts";

interface Recorder {
  readonly url: string;
  readonly requests: IncomingMessage[];
}

const closing: (() => void)[] = [];
beforeEach(() => {
  nock.restore();
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
  vi.unstubAllEnvs();
  if (!nock.isActive()) nock.activate();
  nock.cleanAll();
  nock.enableNetConnect();
});

async function serve(
  answer: RequestListener = (_, response) => response.end(JSON.stringify(workspaceBody)),
): Promise<Recorder> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

function countingCredential(): TokenCredential & { readonly scopes: (string | string[])[] } {
  const scopes: (string | string[])[] = [];
  const getToken: TokenCredential["getToken"] = (scope) => {
    scopes.push(scope);
    return Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 });
  };
  return { scopes, getToken };
}

const local: BatchAIManagementClientOptions = { allowInsecureConnection: true };

describe("a token", () => {
  it("goes to Azure by https, for its scope", async () => {
    nock.activate();
    const authorizations: (string | null)[] = [];
    azureIsNock()
      .get(workspacePath)
      .query(true)
      .reply((request: Request) => {
        authorizations.push(request.headers.get("authorization"));
        return [200, workspaceBody];
      });
    const credential = countingCredential();
    await new BatchAIManagementClient(credential, "s").workspaces.get("g", "w");
    expect(authorizations).toEqual([`Bearer ${token}`]);
    expect(credential.scopes).toEqual([["https://management.azure.com/.default"]]);
  });

  it("goes to this machine by plain HTTP when that is allowed, and is asked for once", async () => {
    const service = await serve();
    const credential = countingCredential();
    const client = new BatchAIManagementClient(credential, "s", { endpoint: service.url, ...local });
    await client.workspaces.get("g", "w");
    await client.workspaces.get("g", "w");
    expect(service.requests.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${token}`,
      `Bearer ${token}`,
    ]);
    expect(credential.scopes).toEqual([[`${service.url}/.default`]]);
  });

  it.each([
    ["http://127.0.0.1:1", {}, "set allowInsecureConnection"],
    ["http://example.com", local, "Use HTTPS"],
    ["http://127.0.0.1.example.com", local, "Use HTTPS"],
    ["http://localhost.example.com", local, "Use HTTPS"],
    ["http://128.0.0.1", local, "Use HTTPS"],
    ["http://127.0.0.1@example.com", local, "Use HTTPS"],
    ["http://[::2]", local, "Use HTTPS"],
    ["ftp://127.0.0.1", local, "set allowInsecureConnection"],
  ])("never goes to %s with %j", (endpoint, options, advice) => {
    expect(() => quickClient({ endpoint, ...options })).toThrow(advice);
  });

  it.each(["http://127.0.0.1:1", "http://127.9.9.9:1", "http://[::1]:1", "http://localhost:1", "http://127.1:1"])(
    "may go to %s",
    (endpoint) => {
      expect(() => quickClient({ endpoint, ...local })).not.toThrow();
    },
  );

  it("does not follow a redirect to another origin, not even where redirects may", async () => {
    const thief = await serve();
    const service = await serve((_, response) => response.writeHead(307, { location: `${thief.url}/stolen` }).end());
    for (const redirectOptions of [{}, { allowCrossOriginRedirects: true }]) {
      const client = quickClient({ endpoint: service.url, ...local, redirectOptions });
      await rejectionOf(client.workspaces.get("g", "w"));
    }
    expect(service.requests).toHaveLength(2);
    expect(thief.requests).toHaveLength(0);
  });

  it("follows a redirect within its origin", async () => {
    const service = await serve((request, response) =>
      request.url === "/moved"
        ? response.end(JSON.stringify(workspaceBody))
        : response.writeHead(307, { location: "/moved" }).end(),
    );
    const client = quickClient({ endpoint: service.url, ...local });
    await expect(client.workspaces.get("g", "w")).resolves.toEqual(workspaceBody);
    expect(service.requests.at(-1)?.headers.authorization).toBe(`Bearer ${token}`);
  });

  it("does not follow a poll to another origin", async () => {
    const thief = await serve();
    const service = await serve((_, response) =>
      response.writeHead(202, { "azure-asyncoperation": `${thief.url}/poll` }).end(),
    );
    const client = quickClient({ endpoint: service.url, ...local });
    await expect(client.jobs.delete("g", "w", "e", "j")).rejects.toMatchObject({ code: "UnexpectedOrigin" });
    expect(thief.requests).toHaveLength(0);
  });

  it("passes no proxy on its way to this machine", async () => {
    const proxy = await serve();
    const service = await serve();
    for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]) vi.stubEnv(name, proxy.url);
    const client = new BatchAIManagementClient(tokenCredential(token), "s", { endpoint: service.url, ...local });
    await client.workspaces.get("g", "w");
    expect(service.requests).toHaveLength(1);
    expect(proxy.requests).toHaveLength(0);
  });
});

describe("allowLoopbackHttp", () => {
  it("lets @azure/arm-resources talk to this machine", async () => {
    const service = await serve((_, response) => {
      response.setHeader("content-type", "application/json");
      response.end('{"id":"/subscriptions/s/resourceGroups/g","name":"g","location":"northeurope"}');
    });
    const credential = tokenCredential(token);
    const client = new ResourceManagementClient(credential, "s", { endpoint: service.url, ...local });
    await expect(client.resourceGroups.createOrUpdate("g", { location: "northeurope" })).rejects.toThrow("non-TLS");
    allowLoopbackHttp(client.pipeline, credential);
    const group = await client.resourceGroups.createOrUpdate("g", { location: "northeurope" });
    expect(group.name).toBe("g");
    expect(service.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${token}`]);
  });

  it("keeps refusing plain HTTP to any other machine", async () => {
    const credential = countingCredential();
    const options = { endpoint: "http://192.0.2.1", ...local };
    const client = new ResourceManagementClient(credential, "s", options);
    allowLoopbackHttp(client.pipeline, credential);
    await expect(client.resourceGroups.get("g")).rejects.toMatchObject({ code: "InsecureConnection" });
    expect(credential.scopes).toEqual([]);
  });
});

describe("a token that many requests share", () => {
  it("is not lost when the request that gets it is aborted", async () => {
    const { url } = await serve((_, response) => response.end(JSON.stringify(workspaceBody)));
    let give = (): void => undefined;
    let asked = 0;
    const credential: TokenCredential = {
      getToken: (_, { abortSignal } = {}) => {
        asked += 1;
        return new Promise((resolve, reject) => {
          abortSignal?.addEventListener("abort", () => reject(new Error("The token request was aborted.")));
          give = () => resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 });
        });
      },
    };
    const client = new BatchAIManagementClient(credential, "s", { endpoint: url, ...local });
    const controller = new AbortController();
    const aborted = rejectionOf(client.workspaces.get("g", "w", { abortSignal: controller.signal }));
    const other = client.workspaces.get("g", "w");
    await expect.poll(() => asked).toBe(1);
    controller.abort();
    expect((await aborted).name).toBe("AbortError");
    give();
    await expect(other).resolves.toMatchObject({ name: "w" });
    expect(asked).toBe(1);
  });

  it.each([
    ["is renewed shortly before it expires", { expiresIn: 60_000, refreshIn: undefined }, 3],
    ["is renewed when the credential says so", { expiresIn: 3_600_000, refreshIn: -1 }, 3],
    ["is used until then", { expiresIn: 3_600_000, refreshIn: 1_800_000 }, 1],
  ])("%s", async (_, { expiresIn, refreshIn }, times) => {
    const { url, requests } = await serve((_request, response) => response.end(JSON.stringify(workspaceBody)));
    let asked = 0;
    const credential: TokenCredential = {
      getToken: () => {
        asked += 1;
        const now = Date.now();
        const refreshAfterTimestamp = refreshIn === undefined ? undefined : now + refreshIn;
        return Promise.resolve({
          token: `${token}-${asked}`,
          expiresOnTimestamp: now + expiresIn,
          refreshAfterTimestamp,
        });
      },
    };
    const client = new BatchAIManagementClient(credential, "s", { endpoint: url, ...local });
    for (let call = 0; call < 3; call++) await client.workspaces.get("g", "w");
    await expect.poll(() => asked).toBe(times);
    expect(requests).toHaveLength(3);
  });

  it("is replaced when the service rejects it with a challenge, and the request is sent again", async () => {
    const claims = Buffer.from('{"access_token":{"nbf":{"value":"1"}}}').toString("base64");
    let tokens = 0;
    const { url, requests } = await serve((request, response) => {
      if (request.headers.authorization === "Bearer token-2") response.end(JSON.stringify(workspaceBody));
      else if (requests.length === 1) response.end(JSON.stringify(workspaceBody));
      else {
        const challenge = `Bearer authorization_uri="x", error="insufficient_claims", claims="${claims}"`;
        response.writeHead(401, { "www-authenticate": challenge }).end();
      }
    });
    const credential: TokenCredential = {
      getToken: () => Promise.resolve({ token: `token-${(tokens += 1)}`, expiresOnTimestamp: Date.now() + 3_600_000 }),
    };
    const client = new BatchAIManagementClient(credential, "s", { endpoint: url, ...local });
    await client.workspaces.get("g", "w");
    await expect(client.workspaces.get("g", "w")).resolves.toMatchObject({ name: "w" });
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-1",
      "Bearer token-1",
      "Bearer token-2",
    ]);
  });
});
