import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { JobFailedError, RestError } from "../../src/index.ts";
import type { JobStateChange } from "../../src/index.ts";
import { promptly, rejectionOf, turnsUntil } from "./fixtures.ts";
import { JobsOfService } from "./jobsOfService.ts";

let jobs: JobsOfService;
beforeAll(async () => {
  jobs = await JobsOfService.start();
});
afterAll(() => jobs.close());

describe("jobs.waitForCompletion", () => {
  it("answers the ended job and tells every state on the way", async () => {
    const job = await jobs.submit("good", "gate finish");
    const changes: JobStateChange[] = [];
    const waiting = jobs.client.jobs.waitForCompletion(...job, {
      onStateChange: (change) => changes.push(change),
      updateIntervalInMs: 10,
    });
    await expect.poll(() => changes.at(-1)?.newState).toBe("running");
    await jobs.open("finish");
    const ended = await waiting;
    expect(ended).toMatchObject({ name: "good", executionState: "succeeded", executionInfo: { exitCode: 0 } });
    expect(changes.at(-1)?.job).toEqual(ended);
    expect(changes[0]?.oldState).toBeUndefined();
    expect(changes.map(({ newState }) => newState).slice(-2)).toEqual(["running", "succeeded"]);
    expect(changes.slice(1).map(({ oldState }) => oldState)).toEqual(changes.slice(0, -1).map((each) => each.newState));
  });

  it("rejects with the job's own errors when it failed", async () => {
    const job = await jobs.submit("bad", "exit 3");
    const error = await rejectionOf(jobs.client.jobs.waitForCompletion(...job));
    expect(error).toBeInstanceOf(JobFailedError);
    expect(error).toMatchObject({ name: "JobFailedError", code: "JobFailed", exitCode: 3 });
    expect(error.message).toMatch(/^Job bad failed with exit code 3\. JobFailed: \S.*\.$/);
    expect(error).toMatchObject({ job: { executionState: "failed" } });
    expect(inspect(error)).not.toContain("stdOutErrPathPrefix");
    expect(JSON.stringify(error)).not.toContain("stdOutErrPathPrefix");
  });

  it("answers a failed job where that is no error", async () => {
    const job = await jobs.submit("borne", "exit 4");
    const ended = await jobs.client.jobs.waitForCompletion(...job, { throwOnFailure: false });
    expect(ended).toMatchObject({ executionState: "failed", executionInfo: { exitCode: 4 } });
  });

  it("says that a job was terminated", async () => {
    const job = await jobs.submit("ended", "gate never");
    const rejection = rejectionOf(jobs.client.jobs.waitForCompletion(...job));
    await jobs.client.jobs.terminate(...job);
    const error = await rejection;
    expect(error).toMatchObject({ code: "JobTerminated", exitCode: undefined });
    expect(error.message).toMatch(/^Job ended failed\. JobTerminated: /);
  });

  it("stops at once when it is aborted, and the job goes on", async () => {
    const job = await jobs.submit("left", "gate later");
    const controller = new AbortController();
    const seen: string[] = [];
    const rejection = rejectionOf(
      jobs.client.jobs.waitForCompletion(...job, {
        abortSignal: controller.signal,
        updateIntervalInMs: 600_000,
        onStateChange: ({ newState }) => seen.push(newState),
      }),
    );
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    controller.abort();
    expect(await turnsUntil(rejection)).toBeLessThan(promptly);
    const error = await rejection;
    expect(error).toMatchObject({
      name: "AbortError",
      message: "jobs.waitForCompletion: the wait for job left was aborted; the job continues.",
    });
    await jobs.open("later");
    await expect(jobs.client.jobs.waitForCompletion(...job)).resolves.toMatchObject({ executionState: "succeeded" });
  });

  it("says that the job was deleted meanwhile", async () => {
    const job = await jobs.submit("gone", "gate never");
    const seen: string[] = [];
    const onStateChange = ({ newState }: JobStateChange): unknown => seen.push(newState);
    const rejection = rejectionOf(jobs.client.jobs.waitForCompletion(...job, { onStateChange, throwOnFailure: false }));
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    await jobs.client.jobs.delete(...job);
    expect(await rejection).toMatchObject({
      code: "JobNotFound",
      statusCode: 404,
      message: "jobs.waitForCompletion: job gone was deleted during the wait [JobNotFound, HTTP 404]",
    });
  });

  it("says that the job was deleted together with its experiment", async () => {
    await jobs.client.experiments.create("group", "work", "brief");
    const job = ["group", "work", "brief", "inside"] as const;
    await jobs.client.jobs.create(...job, jobs.parameters("gate never"));
    const seen: string[] = [];
    const onStateChange = ({ newState }: JobStateChange): unknown => seen.push(newState);
    const rejection = rejectionOf(jobs.client.jobs.waitForCompletion(...job, { onStateChange, throwOnFailure: false }));
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    await jobs.client.experiments.delete("group", "work", "brief");
    const error = await rejection;
    expect(error).toMatchObject({ statusCode: 404 });
    expect(error.message).toMatch(
      /^jobs\.waitForCompletion: job inside was deleted during the wait \[\w+NotFound, HTTP 404\]$/,
    );
  });

  it("says that there is no such job", async () => {
    const error = await rejectionOf(jobs.client.jobs.waitForCompletion("group", "work", "exp", "nothing"));
    expect(error).toMatchObject({ code: "JobNotFound" });
    expect(error.message).not.toContain("deleted");
  });

  it("ends with what onStateChange throws", async () => {
    const job = await jobs.submit("rude", "true");
    const onStateChange = (): void => {
      throw new RangeError("enough");
    };
    await expect(jobs.client.jobs.waitForCompletion(...job, { onStateChange })).rejects.toThrow(RangeError);
    const notFound = new RestError("what I looked for does not exist", { statusCode: 404 });
    const onOtherChange = (): void => {
      throw notFound;
    };
    const options = { onStateChange: onOtherChange };
    expect(await rejectionOf(jobs.client.jobs.waitForCompletion(...job, options))).toBe(notFound);
  });
});
