import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ArmCaller } from "../service/arm.ts";
import { EmbeddedService } from "../service/embeddedService.ts";
import { findChromium, withChromium } from "./chromium.ts";
import { PageServer } from "./pageServer.ts";
import { needs } from "./prerequisites.ts";

let program: string;
let page: PageServer;
let stranger: PageServer;
let service: EmbeddedService;
beforeAll(async () => {
  program = await bundleForBrowsers();
  page = await PageServer.start(program, () => service.service.connection);
  stranger = await PageServer.start(program, () => service.service.connection);
  service = await EmbeddedService.start({ allowedOrigins: [page.origin], resourceGroups: ["group"] });
});
afterAll(async () => {
  page.close();
  stranger.close();
  await service.close();
});

/** Bundles the page's program with the SDK. A module of Node.js in it would be an error. */
async function bundleForBrowsers(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "browserPage.ts")],
    bundle: true,
    platform: "browser",
    format: "iife",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

describe("the SDK in a browser", () => {
  it("bundles without anything of Node.js", () => {
    expect(program).toContain("Microsoft.BatchAI");
    expect(program).not.toMatch(/["']node:|\brequire\("(http|https|fs|stream|os)"\)/);
  });

  it("talks to a service that allows the page's origin", async (context) => {
    const chromium = await findChromium();
    needs(context, "Chromium", chromium !== undefined);
    expect(await withChromium(chromium ?? "", page.origin, () => page.outcome)).toEqual({
      created: "succeeded",
      creationTimeIsDate: true,
      names: ["work"],
      missing: [404, "ExperimentNotFound", "object"],
    });
  });

  it("gets nothing from a service that does not", async (context) => {
    const chromium = await findChromium();
    needs(context, "Chromium", chromium !== undefined);
    const outcome = await withChromium(chromium ?? "", stranger.origin, () => stranger.outcome);
    expect(outcome).toEqual({ failed: expect.stringContaining("Failed to fetch") });
  });
});

describe("origins", () => {
  const preflight = { "access-control-request-method": "PUT", "access-control-request-headers": "authorization" };
  const ask = (origin: string, headers: Record<string, string> = {}): Promise<Response> => {
    const { endpoint } = service.service.connection;
    return fetch(`${endpoint}${new ArmCaller(service.service.connection).inWorkspace()}`, {
      method: "OPTIONS",
      headers: { origin, ...preflight, ...headers },
    });
  };

  it("are allowed one by one", async () => {
    const allowed = await ask(page.origin);
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe(page.origin);
    expect(allowed.headers.get("access-control-allow-headers")).toBe("authorization");
    const refused = await ask(stranger.origin);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("do not replace the token", async () => {
    const { endpoint } = service.service.connection;
    const answer = await fetch(`${endpoint}/subscriptions?api-version=2018-05-01`, {
      headers: { origin: page.origin },
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("access-control-allow-origin")).toBe(page.origin);
  });

  it.each(["*", "http://127.0.0.1:3000/", "127.0.0.1:3000", ""])("are not %j", async (origin) => {
    await expect(EmbeddedService.start({ allowedOrigins: [origin] })).rejects.toThrow("not the origin of a web page");
  });
});
