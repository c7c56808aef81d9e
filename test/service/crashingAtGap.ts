/*
 * A service that kills itself at one step of the start of a job. Arguments: data folder, step, command line of the job,
 * and number of GPUs of the machine (default: none). The data folder has a cluster with an idle node.
 */
import type { LaunchPlan, LaunchSecrets, RunHandle, Surroundings } from "../../src/service/engines/engine.ts";
import { runsFolderOf } from "../../src/service/dataFolders.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { WrappedEngine } from "../engines/wrappedEngine.ts";
import { FakeGpus, gpuTypes } from "./fakeGpus.ts";
import type { Gap } from "./gaps.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";

const [dataDir = "", gap = "", commandLine = "", gpuCount = "0"] = process.argv.slice(2);

function crashAt(step: Gap): void {
  if (step === gap) process.kill(process.pid, "SIGKILL");
}

class CrashingEngine extends WrappedEngine {
  override async surroundings(): Promise<Surroundings> {
    crashAt("while the volumes and surroundings are prepared");
    const surroundings = await this.inner.surroundings({});
    return surroundings;
  }

  override handleFor(plan: LaunchPlan): RunHandle {
    crashAt("before the handle is stored");
    return this.inner.handleFor(plan);
  }

  override async start(plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void> {
    crashAt("after the handle is stored, before the start");
    const starting = this.inner.start(plan, secrets, handle);
    crashAt("while it starts");
    await starting;
    crashAt("after the start");
  }
}

const engine = new CrashingEngine(new ProcessEngine({ runsFolder: runsFolderOf(dataDir) }));
const machine = { gpus: new FakeGpus(Number(gpuCount)), nodeTypes: gpuTypes };
const service = await ServiceWithEngines.start(dataDir, [engine], machine);
await service.create("job", commandLine);
setInterval(() => undefined, 1000);
