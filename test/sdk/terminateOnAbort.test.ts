import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createDefaultHttpClient, createHttpHeaders } from "@azure/core-rest-pipeline";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { AbortError as CoreAbortError } from "@azure/abort-controller";
import type { HttpClient, PipelineRequest, PipelineResponse } from "../../src/index.ts";
import { promptly, quickClient, rejectionOf, turnsUntil } from "./fixtures.ts";
import { JobsOfService } from "./jobsOfService.ts";
import type { JobNames } from "./jobsOfService.ts";

let service: JobsOfService;
/** A server that accepts requests and never responds. */
let silent: Server;
beforeAll(async () => {
  service = await JobsOfService.start();
  silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  silent.closeAllConnections();
  silent.close();
  await service.close();
});

const network = createDefaultHttpClient();

function isTermination({ url }: PipelineRequest): boolean {
  return url.includes("/terminate?");
}

function responseTo(request: PipelineRequest, status: number): PipelineResponse {
  return { request, status, headers: createHttpHeaders() };
}

/** An HTTP client that keeps the responses to creations back until `release` is called; records all requests. */
class HeldCreations implements HttpClient {
  readonly requests: string[] = [];
  release: () => void = () => undefined;
  readonly #released = new Promise<void>((resolve) => (this.release = resolve));

  async sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    this.requests.push(request.method);
    if (request.method !== "PUT") return network.sendRequest(request);
    const response = await network.sendRequest({ ...request, abortSignal: undefined });
    const aborted = new Promise<never>((_, reject) => {
      request.abortSignal?.addEventListener("abort", () => reject(new CoreAbortError("aborted")));
    });
    await Promise.race([this.#released, aborted]);
    return response;
  }
}

describe("terminateOnAbort of jobs.waitForCompletion", () => {
  it("terminates the job", async () => {
    const job = await service.submit("stopped", "gate never");
    const controller = new AbortController();
    const seen: string[] = [];
    const rejection = rejectionOf(
      service.client.jobs.waitForCompletion(...job, {
        abortSignal: controller.signal,
        terminateOnAbort: true,
        updateIntervalInMs: 600_000,
        onStateChange: ({ newState }) => seen.push(newState),
      }),
    );
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    controller.abort();
    expect(await rejection).toMatchObject({
      name: "AbortError",
      message: "jobs.waitForCompletion: the wait for job stopped was aborted; the job is being terminated.",
    });
    const error = await rejectionOf(service.client.jobs.waitForCompletion(...job));
    expect(error).toMatchObject({ code: "JobTerminated" });
  });

  it("terminates the job if the signal was aborted before the wait, and says if it does not exist", async () => {
    const job = await service.submit("too-late", "gate never");
    const options = { abortSignal: AbortSignal.abort(), terminateOnAbort: true };
    const { jobs } = service.client;
    expect((await rejectionOf(jobs.waitForCompletion(...job, options))).message).toContain(
      "; the job is being terminated.",
    );
    const missing = ["group", "work", "exp", "nothing"] as const;
    expect((await rejectionOf(jobs.waitForCompletion(...missing, options))).message).toBe(
      "jobs.waitForCompletion: the wait for job nothing was aborted; the job does not exist.",
    );
  });

  it.each<[string, HttpClient["sendRequest"], RegExp]>([
    [
      "rejects",
      (request) => Promise.resolve(responseTo(request, 403)),
      /^jobs\.terminate: the service returned HTTP 403 without an error message/,
    ],
    [
      "does not respond to",
      (request) => {
        const { port } = silent.address() as AddressInfo;
        return network.sendRequest({ ...request, url: `http://127.0.0.1:${port}` });
      },
      /^jobs\.terminate: no response from http:\S+ within 500 ms/,
    ],
  ])("says why the job may continue if the service %s the termination", async (what, terminate, reason) => {
    const name = `kept-${what.slice(0, 4)}`;
    const job = await service.submit(name, "gate kept");
    const { jobs } = service.clientWith({
      httpClient: {
        sendRequest: (request) => (isTermination(request) ? terminate(request) : network.sendRequest(request)),
      },
    });
    const options = { abortSignal: AbortSignal.abort(), terminateOnAbort: true, requestOptions: { timeout: 500 } };
    const error = await rejectionOf(jobs.waitForCompletion(...job, options));
    expect(error.name).toBe("AbortError");
    const [start, said] = error.message.split(" terminated: ");
    const clause = "the job may continue, because it could not be";
    expect(start).toBe(`jobs.waitForCompletion: the wait for job ${name} was aborted; ${clause}`);
    expect(said).toMatch(reason);
    await service.open("kept");
    await expect(service.client.jobs.waitForCompletion(...job)).resolves.toMatchObject({ executionState: "succeeded" });
  });
});

describe("an abort of jobs.run", () => {
  const names = (name: string): JobNames => ["group", "work", "exp", name];

  it.each([
    [false, "the job continues", { executionState: "succeeded" }],
    [
      true,
      "the job is being terminated",
      { executionState: "failed", executionInfo: { errors: [{ code: "JobTerminated" }] } },
    ],
  ])("that has terminateOnAbort: %s says that %s", async (terminateOnAbort, outcome, ended) => {
    const job = names(`aborted-${terminateOnAbort}`);
    const controller = new AbortController();
    const error = await rejectionOf(
      service.client.jobs.run(...job, service.parameters(`echo begun; gate ${job[3]}`), {
        abortSignal: controller.signal,
        terminateOnAbort,
        onOutput: () => controller.abort(),
      }),
    );
    const message = `jobs.run: the wait for job ${job[3]} was aborted; ${outcome}.`;
    expect(error).toMatchObject({ name: "AbortError", message });
    if (!terminateOnAbort) await service.open(job[3]);
    const options = { throwOnFailure: false };
    await expect(service.client.jobs.waitForCompletion(...job, options)).resolves.toMatchObject(ended);
  });

  it("sends nothing if the signal was aborted before", async () => {
    const held = new HeldCreations();
    const { jobs } = service.clientWith({ httpClient: held });
    const options = { abortSignal: AbortSignal.abort(), terminateOnAbort: true };
    const error = await rejectionOf(jobs.run(...names("unsent"), service.parameters("true"), options));
    expect(error.message).toBe("jobs.run: the wait for job unsent was aborted; the job was not created.");
    expect(held.requests).toEqual([]);
  });

  it("rejects at once while the creation has no response", async () => {
    const { jobs } = service.clientWith({ httpClient: new HeldCreations() });
    const controller = new AbortController();
    const options = { abortSignal: controller.signal };
    const rejection = rejectionOf(jobs.run(...names("unknown"), service.parameters("true"), options));
    await expect
      .poll(() =>
        service.client.jobs.get(...names("unknown")).then(
          ({ name }) => name,
          () => "none",
        ),
      )
      .toBe("unknown");
    controller.abort();
    expect(await turnsUntil(rejection)).toBeLessThan(promptly);
    expect(await rejection).toMatchObject({
      name: "AbortError",
      message: "jobs.run: the wait for job unknown was aborted; the job continues if the service has created it.",
    });
  });

  it("terminates a job whose creation gets its response after the abort", async () => {
    const held = new HeldCreations();
    const { jobs } = service.clientWith({ httpClient: held });
    const controller = new AbortController();
    const options = { abortSignal: controller.signal, terminateOnAbort: true };
    const rejection = rejectionOf(jobs.run(...names("late"), service.parameters("gate never"), options));
    await expect.poll(() => held.requests).toEqual(["PUT"]);
    controller.abort();
    expect(held.requests).toEqual(["PUT"]);
    held.release();
    expect((await rejection).message).toBe("jobs.run: the wait for job late was aborted; the job is being terminated.");
    const error = await rejectionOf(service.client.jobs.waitForCompletion(...names("late")));
    expect(error).toMatchObject({ code: "JobTerminated" });
  });

  it("does not terminate another job with that name", async () => {
    const other = await service.submit("other", "gate other");
    const held = new HeldCreations();
    const { jobs } = service.clientWith({ httpClient: held });
    const controller = new AbortController();
    const options = { abortSignal: controller.signal, terminateOnAbort: true };
    const rejection = rejectionOf(jobs.run(...other, service.parameters("echo something else"), options));
    await expect.poll(() => held.requests).toEqual(["PUT"]);
    controller.abort();
    held.release();
    const error = await rejection;
    expect(error.name).toBe("AbortError");
    expect(error.message).toContain("was aborted; the service did not create the job: jobs.run: ");
    await service.open("other");
    await expect(service.client.jobs.waitForCompletion(...other)).resolves.toMatchObject({
      executionState: "succeeded",
    });
  });

  it("terminates nothing if its creation never gets a response, and gives up after 10 seconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const requests: string[] = [];
    const httpClient: HttpClient = {
      sendRequest: (request) => {
        requests.push(request.method);
        return new Promise((_, reject) => {
          request.abortSignal?.addEventListener("abort", () => reject(new CoreAbortError("aborted")));
        });
      },
    };
    const controller = new AbortController();
    const { jobs } = quickClient({ httpClient });
    const reason = new Error("the user pressed Ctrl-C");
    const options = { abortSignal: controller.signal, terminateOnAbort: true };
    const rejection = rejectionOf(jobs.run("g", "w", "e", "j", service.parameters("true"), options));
    await vi.waitUntil(() => requests.length === 1);
    controller.abort(reason);
    await vi.advanceTimersByTimeAsync(10_000);
    const resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.BatchAI/workspaces/w/experiments/e/jobs/j";
    const outcome = "the job continues if the service has created it. Reason: the user pressed Ctrl-C";
    const message = `jobs.run: the wait for job j was aborted; ${outcome}`;
    expect(await rejection).toMatchObject({ message, operation: "jobs.run", resource, cause: reason });
    expect(requests).toEqual(["PUT"]);
    // The poller looks one turn later whether it is used.
    await vi.advanceTimersByTimeAsync(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not terminate a job that has replaced its own", async () => {
    const job = names("replaced");
    const controller = new AbortController();
    const { client } = service;
    let seen = 0;
    const rejection = rejectionOf(
      client.jobs.run(...job, service.parameters("gate never"), {
        abortSignal: controller.signal,
        terminateOnAbort: true,
        updateIntervalInMs: 600_000,
        onStateChange: () => (seen += 1),
      }),
    );
    await expect.poll(() => seen).toBe(1);
    await client.jobs.delete(...job);
    await client.jobs.create(...job, service.parameters("gate replacement"));
    controller.abort();
    expect((await rejection).message).toContain("the job was replaced by another one, which continues.");
    await service.open("replacement");
    await expect(client.jobs.waitForCompletion(...job)).resolves.toMatchObject({ executionState: "succeeded" });
  });

  it("does not terminate an existing job if an argument is not valid", async () => {
    const existing = await service.submit("existing", "gate existing");
    const controller = new AbortController();
    const parameters = { ...service.parameters("true"), cluster: {} as { id: string } };
    const options = { abortSignal: controller.signal, terminateOnAbort: true };
    const rejection = rejectionOf(service.client.jobs.run(...existing, parameters, options));
    controller.abort();
    expect((await rejection).name).toBe("ValidationError");
    await service.open("existing");
    await expect(service.client.jobs.waitForCompletion(...existing)).resolves.toMatchObject({
      executionState: "succeeded",
    });
  });

  it("terminates the job although the callback that aborts also throws", async () => {
    const job = names("thrown");
    const controller = new AbortController();
    const options = {
      abortSignal: controller.signal,
      terminateOnAbort: true,
      onOutput: async () => {
        controller.abort();
        await Promise.reject(new Error("mine"));
      },
    };
    const run = service.client.jobs.run(...job, service.parameters("echo begun; gate never"), options);
    expect((await rejectionOf(run)).message).toBe("mine");
    const error = await rejectionOf(service.client.jobs.waitForCompletion(...job));
    expect(error).toMatchObject({ code: "JobTerminated" });
  });
});
