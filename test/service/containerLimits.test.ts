import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { containerObstacle } from "../containers/containerObstacle.ts";
import { containersLeft } from "../containers/containersLeft.ts";
import type { DaemonName } from "../containers/daemons.ts";
import { imageTar, loadImage } from "../containers/images.ts";
import { sharedDaemon } from "../containers/sharedBed.ts";
import * as answers from "../nodes/gpuAnswers.ts";
import { StandIn } from "../nodes/standIn.ts";
import { titleOf } from "../programs.ts";
import { until } from "../until.ts";
import { EmbeddedService } from "./embeddedService.ts";

const obstacle = containerObstacle();
const image = "jobs/limits:1";
const contained = { containerSettings: { imageSourceRegistry: { image } } };
/** Uses more memory than the node has. */
const hog = "x=a; while :; do x=$x$x; done";
const nodeTypes = { small: { gpus: 0, memoryInGB: 0.0625 }, card: { gpus: 1 } };

/** Starts a service with a cluster of one node until the end of the test. Its jobs must leave no container behind. */
async function start(name: DaemonName, vmSize: string): Promise<EmbeddedService> {
  const { socket, address } = await sharedDaemon(name);
  await loadImage(socket, image, await imageTar());
  const embedded = await EmbeddedService.start({ containerEngine: address, nodeTypes });
  onTestFinished(async () => {
    const runs = readdirSync(join(embedded.folder, "runs"));
    await embedded.close();
    await until("no container is left", async () => (await containersLeft(socket, runs)).length === 0);
  });
  await embedded.arm.prepare(1, { vmSize });
  return embedded;
}

describe.skipIf(obstacle)(titleOf("the memory of a node", obstacle), () => {
  it.each([
    ["docker", "a container", contained],
    ["podman", "a container", contained],
    ["docker", "processes", {}],
  ] as const)("with %s limits %s, and the job says that it was reached", async (name, _, properties) => {
    const service = await start(name, "small");
    const job = await service.run("greedy", hog, properties);
    expect(job).toMatchObject({
      executionState: "failed",
      executionInfo: {
        exitCode: 137,
        errors: [{ code: "OutOfMemory", message: expect.stringContaining("its memory limit of 64 MiB") as string }],
      },
    });
    expect(await service.run("modest", "true", properties)).toMatchObject({ executionState: "succeeded" });
  });

  it("is named by Docker if the container cannot see the counter of its control group", async () => {
    const blind = "jobs/blind:1";
    const service = await start("docker", "small");
    await loadImage((await sharedDaemon("docker")).socket, blind, await imageTar(), ["VOLUME /sys/fs/cgroup"]);
    const properties = { containerSettings: { imageSourceRegistry: { image: blind } } };
    const seen = 'for file in /sys/fs/cgroup/*; do [ ! -e "$file" ] || exit 4; done';
    expect(await service.run("greedy", `${seen}; ${hog}`, properties)).toMatchObject({
      executionInfo: {
        exitCode: 137,
        errors: [{ code: "OutOfMemory", message: expect.stringContaining("its memory limit of 64 MiB") as string }],
      },
    });
  });
});

describe.skipIf(obstacle)(titleOf("a container engine that cannot give GPUs", obstacle), () => {
  it.each([
    ["docker", /Install the NVIDIA Container Toolkit on the machine of the service, and restart the container engine/],
    ["podman", /podman 4\.[\d.]+ does not give GPUs.*Install podman 5\.4 or later, or Docker/],
  ] as const)("fails a job with %s, and the error says what to install", async (name, remedy) => {
    const tool = new StandIn();
    tool.answer("query", answers.linesOf([0]));
    vi.stubEnv("PATH", `${tool.folder}:${process.env.PATH ?? ""}`);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const service = await start(name, "card");
    // On a loaded machine, the first look at the GPUs may end after the start of the service.
    await until("the service has found the GPU", async () => {
      const { arm } = service;
      const path = arm.inSubscription("/providers/Microsoft.BatchAI/locations/eastus/usages");
      const { value = [] } = (await arm.expect("GET", path)).body;
      return value.some(({ name, limit }) => (name as { value: string }).value === "GPUs" && limit === 1);
    });
    const job = await service.run("trainer", "true", contained);
    expect(job).toMatchObject({
      executionState: "failed",
      executionInfo: {
        errors: [{ code: "FailedStartingContainer", message: expect.stringMatching(remedy) as string }],
      },
    });
    expect(await service.run("plain", 'echo "$CUDA_VISIBLE_DEVICES"')).toMatchObject({ executionState: "succeeded" });
  });
});
