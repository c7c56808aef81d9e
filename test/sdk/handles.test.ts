import type { HttpClient, PipelineRequest } from "@azure/core-rest-pipeline";
import { createHttpHeaders } from "@azure/core-rest-pipeline";
import { beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { ValidationError } from "../../src/index.ts";
import type {
  Cluster,
  ClusterUpdateParameters,
  ClustersUpdateOptions,
  Job,
  JobHandle,
  JobsGetOptions,
  ResourceId,
} from "../../src/index.ts";
import { clusterBody, collect, jobBody, quickClient, rejectionOf } from "./fixtures.ts";

const sent: PipelineRequest[] = [];
const httpClient: HttpClient = {
  sendRequest: (request) => {
    sent.push(request);
    const body = request.url.includes("listOutputFiles") ? { value: [] } : jobBody;
    return Promise.resolve({ request, status: 200, headers: createHttpHeaders(), bodyAsText: JSON.stringify(body) });
  },
};
const client = quickClient({ httpClient });
beforeEach(() => {
  sent.length = 0;
});

const { workspaces, clusters, experiments, fileServers, jobs } = client;
const handles = {
  workspaces: { group: workspaces, handle: workspaces.at("g", "w"), others: ["at", "list", "listByResourceGroup"] },
  clusters: { group: clusters, handle: clusters.at("g", "w", "c"), others: ["at", "listByWorkspace"] },
  experiments: { group: experiments, handle: experiments.at("g", "w", "e"), others: ["at", "listByWorkspace"] },
  fileServers: { group: fileServers, handle: fileServers.at("g", "w", "f"), others: ["at", "listByWorkspace"] },
  jobs: { group: jobs, handle: jobs.at("g", "w", "e", "j"), others: ["at", "listByExperiment"] },
};

describe("a handle", () => {
  it.each(Object.entries(handles))("of %s has every method that takes its names", (_, { group, handle, others }) => {
    const methods = Object.keys(group).filter((name) => !others.includes(name));
    expect(Object.keys(handle).sort()).toEqual(["id", ...methods].sort());
  });

  it("has the types of the group, without the names", () => {
    expectTypeOf<JobHandle["get"]>().toEqualTypeOf<(options?: JobsGetOptions) => Promise<Job>>();
    const cluster = clusters.at("g", "w", "c");
    expectTypeOf(cluster.update).toEqualTypeOf<
      (parameters: ClusterUpdateParameters, options?: ClustersUpdateOptions) => Promise<Cluster>
    >();
    expectTypeOf(cluster).toExtend<ResourceId>();
    expectTypeOf<keyof JobHandle>().toEqualTypeOf<"id" | Exclude<keyof typeof jobs, "at" | "listByExperiment">>();
  });

  it("sends the requests of its resource", async () => {
    const job = jobs.at("g", "w", "e", "j");
    await job.get();
    await job.terminate();
    await collect(job.listOutputFiles("MODEL", { directory: "final" }));
    const paths = sent.map(({ method, url }) => `${method} ${url.replace(/^https:\/\/[^/]+|\?.*$/g, "")}`);
    expect(paths).toEqual([`GET ${job.id}`, `POST ${job.id}/terminate`, `POST ${job.id}/listOutputFiles`]);
    expect(sent[2]?.url).toContain("directory=final");
  });

  it("has the ID of its resource, and stands for it", async () => {
    const cluster = clusters.at("g", "w", "c");
    expect(cluster.id).toBe(clusterBody.id);
    const job = jobs.at("g", "w", "e", "j");
    await job.create({
      cluster,
      nodeCount: 1,
      stdOutErrPathPrefix: "/logs",
      customToolkitSettings: { commandLine: "x" },
    });
    expect(JSON.parse(sent[0]?.body as string)).toMatchObject({ properties: { cluster: { id: clusterBody.id } } });
    expect(sent[0]?.body).not.toContain("update");
  });

  it("rejects wrong names when a method is called", async () => {
    const handle = jobs.at("g", "w", "e", "a/b");
    expect(await rejectionOf(handle.get())).toBeInstanceOf(ValidationError);
    expect(await rejectionOf(jobs.at("g", "w", "e", undefined as unknown as string).get())).toBeInstanceOf(
      ValidationError,
    );
    expect(sent).toEqual([]);
  });
});
