import { join } from "node:path";
import { expect, it } from "vitest";
import { runsFolderOf } from "../../src/service/dataFolders.ts";
import type { LaunchLimits, LaunchPlan } from "../../src/service/engines/engine.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { NodeTypes } from "../../src/service/nodes/nodeTypes.ts";
import { WrappedEngine } from "../engines/wrappedEngine.ts";
import { FakeGpus } from "./fakeGpus.ts";
import { withFolder } from "./serviceProcess.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";

/** Collects the limits of the plans that it carries out. */
class LimitsEngine extends WrappedEngine {
  readonly limits: (LaunchLimits | undefined)[] = [];

  override reserve(plan: LaunchPlan): Promise<void> {
    this.limits.push(plan.limits);
    return super.reserve(plan);
  }
}

it("jobs and setup tasks have the limits of their nodes' type, and usages count its cores", async () => {
  await withFolder(async (folder) => {
    const dataDir = join(folder, "data");
    const engine = new LimitsEngine(new ProcessEngine({ runsFolder: runsFolderOf(dataDir) }));
    const memoryInBytes = 512 * 1024 ** 2;
    const nodeTypes = new NodeTypes(new Map([["small", { gpus: 0, cores: 4096, memoryInBytes }]]));
    const service = await ServiceWithEngines.start(dataDir, [engine], { gpus: new FakeGpus(0), nodeTypes });
    const setupTask = { commandLine: "true", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
    await service.prepare(2, { vmSize: "Small", nodeSetup: { setupTask } });
    await service.create("job", "true", { nodeCount: 2 });
    expect(await service.ended("job")).toMatchObject({ executionState: "succeeded" });
    // No machine has that many cores.
    expect(engine.limits).toEqual([{ memoryInBytes }, { memoryInBytes }, { memoryInBytes: 2 * memoryInBytes }]);

    const path = service.arm.inSubscription("/providers/Microsoft.BatchAI/locations/eastus/usages");
    const { value = [] } = (await service.arm.expect("GET", path)).body;
    expect(value.map(({ currentValue }) => currentValue)).toEqual([1, 8192, 0]);
    await service.arm.expect("DELETE", service.arm.jobPath("job"));
    await service.close();
  });
});
