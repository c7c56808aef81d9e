import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BatchAIManagementClient as OfficialClient } from "@azure/arm-batchai";
import {
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
} from "@azure/core-rest-pipeline";
import type * as Sdk from "../src/index.ts";
import { median } from "./median.ts";
import { subscriptionId, workspacePath } from "./workspace.ts";

/** Median time of one request in milliseconds. */
export interface GetTimes {
  /** A request through a pipeline of `@azure/core-rest-pipeline`, and `JSON.parse`. */
  readonly bare: number;
  /** `workspaces.get` of this SDK. */
  readonly sdk: number;
  /** `workspaces.get` of `@azure/arm-batchai`. */
  readonly official: number;
}

/** Results: the time of each client, and the ratios of the other clients to the SDK. */
export interface GetResult {
  readonly times: GetTimes;
  readonly sdkToBare: number;
  readonly officialToSdk: number;
}

type Side = () => Promise<unknown>;

const warmUps = 2_000;
const rounds = 60;
const requestsPerRound = 100;

/**
 * Gets the same workspace from the same stub with all clients, one request after the other. The clients take turns
 * after every few requests and are compared turn by turn, so other load on the machine affects all of them.
 */
export async function measureGet(sdk: typeof Sdk): Promise<GetResult> {
  const stub = spawn(process.execPath, [join(import.meta.dirname, "stub.ts")], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const [endpoint] = (await once(createInterface(stub.stdout), "line")) as [string];
    const sides = [bareSide(endpoint), sdkSide(endpoint, sdk), officialSide(endpoint)];
    for (const side of sides) await timesOf(side, warmUps);
    const times: GetTimes[] = [];
    for (let round = 0; round < rounds; round++) times.push(await oneRound(sides, round));
    return {
      times: {
        bare: median(times.map(({ bare }) => bare)),
        sdk: median(times.map((each) => each.sdk)),
        official: median(times.map(({ official }) => official)),
      },
      sdkToBare: median(times.map((each) => each.sdk / each.bare)),
      officialToSdk: median(times.map((each) => each.official / each.sdk)),
    };
  } finally {
    stub.stdin.end();
    await once(stub, "exit");
  }
}

/** Gives every client its turn. Each round starts with another client. */
async function oneRound(sides: readonly Side[], round: number): Promise<GetTimes> {
  const times = sides.map(() => 0);
  for (let turn = 0; turn < sides.length; turn++) {
    const index = (round + turn) % sides.length;
    times[index] = median(await timesOf(sides[index]!, requestsPerRound));
  }
  const [bare = 0, sdk = 0, official = 0] = times;
  return { bare, sdk, official };
}

async function timesOf(side: Side, requests: number): Promise<number[]> {
  const times: number[] = [];
  for (let request = 0; request < requests; request++) {
    const start = performance.now();
    await side();
    times.push(performance.now() - start);
  }
  return times;
}

/** The same request without the SDK: same URL, token and kind of response. */
function bareSide(endpoint: string): Side {
  const url = `${endpoint}${workspacePath}?api-version=2018-05-01`;
  const pipeline = createPipelineFromOptions({});
  const httpClient = createDefaultHttpClient();
  return async () => {
    const headers = createHttpHeaders({ accept: "application/json", authorization: "Bearer token" });
    const request = createPipelineRequest({ url, headers, allowInsecureConnection: true });
    const { bodyAsText } = await pipeline.sendRequest(httpClient, request);
    return JSON.parse(bodyAsText ?? "") as unknown;
  };
}

function sdkSide(endpoint: string, { BatchAIManagementClient, tokenCredential }: typeof Sdk): Side {
  const options = { endpoint, allowInsecureConnection: true };
  const client = new BatchAIManagementClient(tokenCredential("token"), subscriptionId, options);
  return () => client.workspaces.get("group", "work");
}

function officialSide(endpoint: string): Side {
  const credentials: ConstructorParameters<typeof OfficialClient>[0] = {
    signRequest: async (request) => {
      request.headers.set("authorization", "Bearer token");
      return request;
    },
  };
  const client = new OfficialClient(credentials, subscriptionId, { baseUri: endpoint });
  return () => client.workspaces.get("group", "work");
}
