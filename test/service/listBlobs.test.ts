import { afterEach, describe, expect, it, vi } from "vitest";
import { listBlobs } from "../../src/service/volumes/blobContainer.ts";

const container = { accountName: "elsewhere", containerName: "data", accountKey: "a2V5", suffix: "example.com" };

/** Takes the place of an account with a folder of so many blobs. Returns the requests that it receives. */
function account(count: number): URLSearchParams[] {
  const requests: URLSearchParams[] = [];
  const names = Array.from({ length: count }, (_, index) => `out/${String(index).padStart(6, "0")}`);
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url) => {
    const query = new URL(url instanceof Request ? url.url : url).searchParams;
    requests.push(query);
    const first = Number((query.get("marker") ?? "at-0").slice(3));
    const next = first + Number(query.get("maxresults") ?? 5000);
    const blobs = names.slice(first, next).map((name) => `<Blob><Name>${name}</Name><Properties/></Blob>`);
    const marker = next < count ? `at-${String(next)}` : "";
    const content = `<Blobs>${blobs.join("")}</Blobs><NextMarker>${marker}</NextMarker>`;
    return new Response(`<EnumerationResults>${content}</EnumerationResults>`);
  });
  return requests;
}

/** Reads a whole list in sections. Returns the names. */
async function readAll(limit: number): Promise<string[]> {
  const names: string[] = [];
  for (let after: string | undefined; ;) {
    const section = await listBlobs(container, "out", { after, limit });
    names.push(...section.map(({ name }) => name));
    after = section.at(-1)?.position;
    if (section.length < limit) return names;
  }
}

describe("a list of blobs that is read in sections", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("is complete, and costs two requests for each section at most", async () => {
    const requests = account(2050);
    const names = await readAll(100);
    expect(names).toHaveLength(2050);
    expect(new Set(names).size).toBe(2050);
    expect(requests.length).toBeLessThanOrEqual(2 * 21);
    expect(requests.every((query) => query.get("maxresults") === "100")).toBe(true);
  });

  it("begins with the first entry for a position without a marker", async () => {
    account(20);
    const section = await listBlobs(container, "out", { after: "000004", limit: 2 });
    expect(section.map(({ name }) => name)).toEqual(["000005", "000006"]);
  });

  it("has one time limit for all of its requests", async () => {
    account(1000);
    const timeout = vi.spyOn(AbortSignal, "timeout");
    await listBlobs(container, "out", { after: "000900", limit: 10 });
    expect(timeout).toHaveBeenCalledTimes(1);
  });
});
