// Waits for a job that succeeds, and for a job that fails. Ctrl-C ends the wait; the jobs would continue.

import { JobFailedError } from "../../src/index.ts";
import { openWorkplace } from "./workplace.ts";

const interruption = new AbortController();
process.once("SIGINT", () => interruption.abort());

const { client, group, workspace, experiment, job, close } = await openWorkplace();
try {
  for (const [name, commandLine] of [
    ["good", "sleep 1"],
    ["bad", "echo 'no data' >&2; exit 3"],
  ] as const) {
    await client.jobs.create(group, workspace, experiment, name, job(commandLine));
    try {
      await client.jobs.waitForCompletion(group, workspace, experiment, name, {
        abortSignal: interruption.signal,
        onStateChange: ({ newState }) => console.log(`${name} is ${newState}`),
      });
    } catch (error) {
      if (!(error instanceof JobFailedError)) throw error;
      console.log(error.message);
    }
  }
} finally {
  await close();
}
