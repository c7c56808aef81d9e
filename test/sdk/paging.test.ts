import nock from "nock";
import { afterEach, describe, expect, it } from "vitest";
import { azure, azureIsNock, collect, quickClient, token, workspacePath, jobBody } from "./fixtures.ts";

afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

const jobs = `${workspacePath}/experiments/e/jobs`;
const second = `${azure}${jobs}?api-version=2018-05-01&%24skiptoken=a%2Fb`;
const named = (name: string) => ({ ...jobBody, name });

describe("a list", () => {
  it("sends nothing before its first step, then asks page after page", async () => {
    azureIsNock()
      .get(jobs)
      .query({ "api-version": "2018-05-01", maxresults: 2 })
      .reply(200, { value: [named("a"), { ...named("b"), properties: { nodeCount: 2 } }], nextLink: second });
    azureIsNock()
      .get(jobs)
      .query({ "api-version": "2018-05-01", $skiptoken: "a/b" })
      .reply(200, { value: [named("c")] });
    const list = quickClient().jobs.listByExperiment("g", "w", "e", { maxResults: 2 });
    expect(nock.pendingMocks()).toHaveLength(2);
    await expect(collect(list)).resolves.toEqual([named("a"), { ...named("b"), nodeCount: 2 }, named("c")]);
    expect(nock.isDone()).toBe(true);
  });

  it("goes on later, elsewhere, from a continuation token", async () => {
    const list = quickClient().jobs.listByExperiment("g", "w", "e");
    azureIsNock()
      .get(jobs)
      .query(true)
      .reply(200, { value: [named("a")], nextLink: second });
    const first = await list.byPage().next();
    expect(first.value).toHaveLength(1);
    const { continuationToken } = first.value as { continuationToken?: string };
    expect(continuationToken).toBe(second);

    azureIsNock().get(jobs).query({ "api-version": "2018-05-01", $skiptoken: "a/b" }).reply(200, { value: [] });
    const pages = await collect(quickClient().jobs.listByExperiment("g", "w", "e").byPage({ continuationToken }));
    expect(pages).toEqual([[]]);
    expect(pages[0]?.continuationToken).toBeUndefined();
  });

  it("that begins with a POST goes on with GET", async () => {
    const path = `${jobs}/j/listOutputFiles`;
    azureIsNock()
      .post(path, "")
      .query({
        "api-version": "2018-05-01",
        outputdirectoryid: "models",
        directory: "a/b",
        linkexpiryinminutes: 5,
        maxresults: 1,
      })
      .reply(200, {
        value: [
          { name: "f", fileType: "file", properties: { contentLength: 3, lastModified: "2018-06-06T18:39:26Z" } },
        ],
        nextLink: `${azure}${path}?api-version=2018-05-01&page=2`,
      });
    azureIsNock()
      .get(path)
      .query({ "api-version": "2018-05-01", page: 2 })
      .reply(200, { value: [{ name: "d" }] });
    const options = { directory: "a/b", linkExpiryInMinutes: 5, maxResults: 1 };
    await expect(collect(quickClient().jobs.listOutputFiles("g", "w", "e", "j", "models", options))).resolves.toEqual([
      { name: "f", fileType: "file", contentLength: 3, lastModified: new Date("2018-06-06T18:39:26Z") },
      { name: "d" },
    ]);
  });

  it("does not go on at another origin, which would see the token", async () => {
    const authorizations: unknown[] = [];
    const thief = nock("https://thief.example")
      .get("/")
      .reply((request: Request) => {
        authorizations.push(request.headers.get("authorization"));
        return [200, { value: [] }];
      });
    azureIsNock().get(jobs).query(true).reply(200, { value: [], nextLink: "https://thief.example/" });
    const list = collect(quickClient().jobs.listByExperiment("g", "w", "e"));
    await expect(list).rejects.toMatchObject({
      code: "UnexpectedOrigin",
      message: expect.stringContaining("https://thief.example") as string,
    });
    await expect(list).rejects.not.toMatchObject({ message: expect.stringContaining(token) as string });
    expect(thief.isDone()).toBe(false);
    expect(authorizations).toEqual([]);
  });

  it("ends with an error when the service names the same page again", async () => {
    azureIsNock().get(jobs).query(true).times(2).reply(200, { value: [], nextLink: second });
    await expect(collect(quickClient().jobs.listByExperiment("g", "w", "e"))).rejects.toMatchObject({
      code: "EndlessList",
    });
  });

  describe("whose pages", () => {
    const link = (page: string): string => `${azure}${jobs}?api-version=2018-05-01&page=${page}`;
    const answerPages = (pages: Record<string, string | undefined>): void => {
      for (const [page, next] of Object.entries(pages)) {
        azureIsNock()
          .get(jobs)
          .query(({ page: wanted = "first" }) => wanted === page)
          .times(4)
          .reply(200, { value: [named(page)], nextLink: next && link(next) });
      }
    };

    it.each([
      ["two pages", { first: "a", a: "b", b: "a" }, ["first", "a"]],
      ["three pages", { first: "a", a: "b", b: "c", c: "a" }, ["first", "a", "b"]],
      ["one page", { first: "a", a: "a" }, ["first"]],
    ])("form a circle of %s ends with an error, and yields no item twice", async (_, pages, expected) => {
      answerPages(pages);
      const names: string[] = [];
      const walk = async (): Promise<void> => {
        for await (const { name } of quickClient().jobs.listByExperiment("g", "w", "e")) names.push(name);
      };
      await expect(walk()).rejects.toMatchObject({
        name: "RestError",
        code: "EndlessList",
        message:
          "jobs.listByExperiment: a page names itself or an earlier page as the next page, so the list would never end",
      });
      expect(names).toEqual(expected);
    });

    it("lead back to the first page ends with an error", async () => {
      azureIsNock()
        .get(jobs)
        .query({ "api-version": "2018-05-01" })
        .reply(200, { value: [named("a")], nextLink: second });
      azureIsNock()
        .get(jobs)
        .query({ "api-version": "2018-05-01", $skiptoken: "a/b" })
        .reply(200, { value: [], nextLink: `${azure}${jobs}?api-version=2018-05-01` });
      await expect(collect(quickClient().jobs.listByExperiment("g", "w", "e"))).rejects.toMatchObject({
        code: "EndlessList",
      });
    });

    it("are walked several times at once are not a circle", async () => {
      answerPages({ first: "a", a: "b", b: undefined });
      const list = quickClient().jobs.listByExperiment("g", "w", "e");
      const walks = [list.byPage(), list.byPage(), list.byPage({ continuationToken: link("a") })];
      const seen: string[][] = [[], [], []];
      for (let step = 0; step < 3; step += 1) {
        for (const [index, walk] of walks.entries()) {
          const { value, done } = await walk.next();
          if (!done) seen[index]?.push(...value.map(({ name }) => name));
        }
      }
      expect(seen).toEqual([
        ["first", "a", "b"],
        ["first", "a", "b"],
        ["a", "b"],
      ]);
      expect((await collect(list)).map(({ name }) => name)).toEqual(["first", "a", "b"]);
    });
  });

  it.each([
    ["?x=1", `${jobs}?x=1`],
    ["jobs?page=2", `${jobs}?page=2`],
    ["./jobs?page=2", `${jobs}?page=2`],
    ["../e2/jobs", `${workspacePath}/experiments/e2/jobs`],
    ["/root?page=2", "/root?page=2"],
    ["//management.azure.com/root", "/root"],
  ])("resolves the next link %s against the URL of its page", async (nextLink, expected) => {
    azureIsNock()
      .get(jobs)
      .query({ "api-version": "2018-05-01" })
      .reply(200, { value: [named("a")], nextLink });
    azureIsNock()
      .get(expected.replace(/\?.*/, ""))
      .query(Object.fromEntries(new URL(expected, azure).searchParams))
      .reply(200, { value: [named("b")] });
    const pages = await collect(quickClient().jobs.listByExperiment("g", "w", "e").byPage());
    expect(pages.flat()).toEqual([named("a"), named("b")]);
    expect(pages[0]?.continuationToken).toBe(`${azure}${expected}`);
  });

  it("resolves a next link against the URL after a redirect, and against that of a later page", async () => {
    azureIsNock().get(jobs).query(true).reply(307, "", { location: "/moved/first" });
    azureIsNock().get("/moved/first").reply(200, { value: [], nextLink: "second" });
    azureIsNock().get("/moved/second").reply(200, { value: [], nextLink: "?third" });
    azureIsNock()
      .get("/moved/second?third")
      .reply(200, { value: [named("a")] });
    await expect(collect(quickClient().jobs.listByExperiment("g", "w", "e"))).resolves.toEqual([named("a")]);
  });

  it("rejects if the next link is not a URL", async () => {
    azureIsNock().get(jobs).query(true).reply(200, { value: [], nextLink: "https://" });
    await expect(collect(quickClient().jobs.listByExperiment("g", "w", "e"))).rejects.toMatchObject({
      code: "PARSE_ERROR",
      message: "jobs.listByExperiment: nextLink is not a valid URL [HTTP 200]",
    });
  });

  it("rejects at its first step when an argument is wrong", async () => {
    const list = quickClient().jobs.listByExperiment("g", "w", "e", { maxResults: 1001 });
    await expect(collect(list)).rejects.toThrow(
      "jobs.listByExperiment: options.maxResults: must be an integer from 1 to 1000, got 1001",
    );
  });

  it("has no items when the service leaves out the value", async () => {
    azureIsNock().get(jobs).query(true).reply(200, {});
    await expect(collect(quickClient().jobs.listByExperiment("g", "w", "e"))).resolves.toEqual([]);
  });
});
