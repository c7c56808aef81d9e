import nock from "nock";
import { afterEach, describe, expect, it } from "vitest";
import { azure, azureIsNock, collect, quickClient, token, workspacePath } from "./fixtures.ts";

afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

const jobs = `${workspacePath}/experiments/e/jobs`;
const second = `${azure}${jobs}?api-version=2018-05-01&%24skiptoken=a%2Fb`;

describe("a list", () => {
  it("sends nothing before its first step, then asks page after page", async () => {
    azureIsNock()
      .get(jobs)
      .query({ "api-version": "2018-05-01", maxresults: 2 })
      .reply(200, { value: [{ name: "a" }, { name: "b", properties: { nodeCount: 2 } }], nextLink: second });
    azureIsNock()
      .get(jobs)
      .query({ "api-version": "2018-05-01", $skiptoken: "a/b" })
      .reply(200, { value: [{ name: "c" }] });
    const list = quickClient().jobs.listByExperiment("g", "w", "e", { maxResults: 2 });
    expect(nock.pendingMocks()).toHaveLength(2);
    await expect(collect(list)).resolves.toEqual([{ name: "a" }, { name: "b", nodeCount: 2 }, { name: "c" }]);
    expect(nock.isDone()).toBe(true);
  });

  it("goes on later, elsewhere, from a continuation token", async () => {
    const list = quickClient().jobs.listByExperiment("g", "w", "e");
    azureIsNock()
      .get(jobs)
      .query(true)
      .reply(200, { value: [{ name: "a" }], nextLink: second });
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
