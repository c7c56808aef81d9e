import { request } from "node:http";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Readable } from "node:stream";
import type { ContainerDaemon, DaemonName } from "./daemons.ts";
import { Registry } from "./registry.ts";

/** A container engine that all test files of a run share. Do not kill it, and remove what you create. */
export type SharedDaemon = Pick<ContainerDaemon, "name" | "socket" | "address" | "folder">;

/** Returns the container engine of this run of the tests. The first test that needs it waits for its start. */
export async function sharedDaemon(name: DaemonName): Promise<SharedDaemon> {
  return (await askBed(`/${name}`)) as SharedDaemon;
}

/** Returns the registry of this run of the tests. */
export async function sharedRegistry(): Promise<Registry> {
  return Registry.at((await askBed("/registry")) as Pick<Registry, "host" | "log">);
}

/** Returns what the test bed of this run says about itself at a path of `globalSetup.ts`. */
export async function askBed(path: string): Promise<unknown> {
  const call = request({ socketPath: process.env.BATCHAI_TEST_BED, path }).end();
  const [response] = (await once(call, "response")) as [Readable & { statusCode?: number }];
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`The test bed did not start ${path.slice(1)}: ${body}`);
  return JSON.parse(body);
}
