import { check, quick, rejectionOf, same } from "./stage.ts";
import type { Stage } from "./stage.ts";
import type { Step } from "./steps.ts";

/** Expects that a call rejects with the `AbortError` of the SDK. */
async function expectAbort({ sdk }: Stage, call: PromiseLike<unknown>): Promise<void> {
  const error = await rejectionOf(call);
  same(error.name, "AbortError");
  check(error instanceof sdk.AbortError, `not an instance of the AbortError of batchai: ${String(error)}`);
}

/** Starts a call, waits until its request has arrived at the companion, and aborts it. */
async function abortOnArrival(
  stage: Stage,
  name: string,
  start: (abortSignal: AbortSignal) => PromiseLike<unknown>,
): Promise<void> {
  const controller = new AbortController();
  const aborted = expectAbort(stage, start(controller.signal));
  await stage.arrived(name);
  controller.abort();
  await aborted;
}

/** An abort in each place. */
export const abortSteps: Record<string, Step> = {
  "aborts before a request": async (stage) => {
    const abortSignal = AbortSignal.abort();
    await expectAbort(stage, stage.client.workspaces.get(...stage.workspace, { abortSignal }));
    await expectAbort(stage, stage.client.workspaces.list({ abortSignal }).next());
  },

  "aborts a request": async (stage) => {
    await abortOnArrival(stage, "get", (abortSignal) =>
      stage.stuckClient().workspaces.get("group", stage.nameOf("get"), { abortSignal }),
    );
  },

  "aborts a list": async (stage) => {
    await abortOnArrival(stage, "list", (abortSignal) =>
      stage.stuckClient().experiments.listByWorkspace("group", stage.nameOf("list"), { abortSignal }).next(),
    );
  },

  "aborts a poller": async (stage) => {
    const controller = new AbortController();
    const { signal: abortSignal } = controller;
    // The companion starts an operation that does not end.
    const poller = stage.stuckClient().jobs.delete(...stage.job("endless"), { abortSignal, ...quick });
    poller.onProgress(({ serviceStatus }) => {
      if (serviceStatus === "InProgress") controller.abort();
    });
    await expectAbort(stage, poller);
    const saved = await poller.serialize();
    check(saved.includes("/operations/"), "the state of the aborted poller does not name its operation");
  },

  "aborts waitForCompletion": async (stage) => {
    const job = await stage.submit("waiting", "echo started; gate never");
    const controller = new AbortController();
    const wait = stage.client.jobs.waitForCompletion(...job, {
      ...{ ...quick, abortSignal: controller.signal },
      onStateChange: ({ newState }) => {
        if (newState === "running") controller.abort();
      },
    });
    await expectAbort(stage, wait);
  },

  "aborts streamOutputFile": async (stage) => {
    const controller = new AbortController();
    const options = { ...quick, abortSignal: controller.signal };
    const stream = stage.client.jobs.streamOutputFile(...stage.job("waiting"), "stdouterr", "stdout.txt", options);
    const reading = (async () => {
      for await (const line of stream.lines()) {
        same(line, "started");
        controller.abort();
      }
    })();
    await expectAbort(stage, reading);
  },

  "aborts readOutputFile": async (stage) => {
    await abortOnArrival(stage, "half", (abortSignal) => {
      const options = { abortSignal, downloadUrl: stage.halfOf("half") };
      return stage.stuckClient().jobs.readOutputFile(...stage.job("any"), "any", "any", options);
    });
  },

  "deletes a job that is running, and the workspace": async (stage) => {
    await stage.client.jobs.delete(...stage.job("waiting"));
    await stage.client.workspaces.delete(...stage.workspace);
  },
};
