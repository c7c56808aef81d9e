import { setImmediate } from "node:timers/promises";
import nock from "nock";
import type { MockInstance } from "vitest";
import { BatchAIManagementClient, tokenCredential } from "../../src/index.ts";
import type { BatchAIManagementClientOptions } from "../../src/index.ts";

/** Where the client of these tests believes Azure to be; nock answers in its place. */
export const azure = "https://management.azure.com";

/** Token of the client; must turn up nowhere but in the authorization header of requests to its endpoint. */
export const token = "the-token-of-the-test";

/** Path of the workspace `w` in the resource group `g`. */
export const workspacePath = "/subscriptions/s/resourceGroups/g/providers/Microsoft.BatchAI/workspaces/w";

/** Path of its cluster `c`. */
export const clusterPath = `${workspacePath}/clusters/c`;

/** Path of the job `j` in its experiment `e`. */
export const jobPath = `${workspacePath}/experiments/e/jobs/j`;

/** Properties of every response that contains the workspace `w`. */
export const workspaceBody = { id: workspacePath, name: "w", type: "Microsoft.BatchAI/workspaces" };

/** Properties of every response that contains the cluster `c`. */
export const clusterBody = { id: clusterPath, name: "c", type: "Microsoft.BatchAI/workspaces/clusters" };

/** Properties of every response that contains the job `j`. */
export const jobBody = { id: jobPath, name: "j", type: "Microsoft.BatchAI/workspaces/experiments/jobs" };

/** Where operations are asked how far they are. */
export const operationPath = "/subscriptions/s/providers/Microsoft.BatchAI/locations/northeurope/operationresults/1";

/** Answers come from nock from now on, and a request that it does not expect fails. */
export function azureIsNock(): nock.Scope {
  nock.disableNetConnect();
  return nock(azure);
}

/** A client that neither waits long nor sends anything anywhere by mistake. */
export function quickClient(options: BatchAIManagementClientOptions = {}): BatchAIManagementClient {
  const retryOptions = { retryDelayInMs: 1, maxRetryDelayInMs: 5, ...options.retryOptions };
  return new BatchAIManagementClient(tokenCredential(token), "s", { ...options, retryOptions });
}

/** What a call is rejected with; fails when it is not rejected with an error. */
export async function rejectionOf(call: PromiseLike<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return error;
    throw new TypeError("The call was rejected with something that is no error.", { cause: error });
  }
  throw new Error("The call was not rejected.");
}

/** The times for which timers were set, in milliseconds. */
export function pausesOf({ mock }: MockInstance<typeof setTimeout>): number[] {
  return mock.calls.map(([, delayInMs]) => delayInMs ?? 0);
}

/** How soon something comes of a call: in so many turns of the event loop, whatever the load of the machine. */
export const promptly = 10;

/** Counts the turns of the event loop until a call is answered or rejected; stops counting when that takes long. */
export async function turnsUntil(call: PromiseLike<unknown>): Promise<number> {
  const over = Promise.allSettled([call]).then(() => true);
  let turns = 0;
  while (turns < 100 * promptly && !(await Promise.race([over, setImmediate(false)]))) turns += 1;
  return turns;
}

/** Everything of a list. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
