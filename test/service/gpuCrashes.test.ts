import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { until } from "../until.ts";
import { FakeGpus, uuidOf } from "./fakeGpus.ts";
import { type Gap, gaps } from "./gaps.ts";
import { GpuService } from "./gpuService.ts";
import { withFolder } from "./serviceProcess.ts";

const script = fileURLToPath(new URL("./crashingAtGap.ts", import.meta.url));
const gpuCount = 2;

/** Creates the cluster `nodes`, whose nodes need both GPUs of the machine. */
async function prepare(folder: string): Promise<void> {
  const service = await GpuService.start(folder, new FakeGpus(gpuCount));
  await service.service.arm.prepare(1, { vmSize: "GPU2" });
  await service.steady("nodes", 1);
  await service.service.close();
}

/** Starts a service in a process of its own, which creates a job and kills itself at a gap in its start. */
function startCrashing(folder: string, gap: Gap | "never", commandLine: string) {
  const args = [script, join(folder, "data"), gap, commandLine, String(gpuCount)];
  return spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
}

describe("a crash", () => {
  it.each(gaps)("%s neither loses a GPU nor gives it out twice", async (gap) => {
    await withFolder(async (folder) => {
      await prepare(folder);
      const seen = join(folder, "seen");
      const crashing = startCrashing(folder, gap, `echo "$CUDA_VISIBLE_DEVICES" >> '${seen}'; sleep 0.2`);
      expect(((await once(crashing, "exit")) as unknown[])[1]).toBe("SIGKILL");
      const second = await GpuService.start(folder, new FakeGpus(gpuCount));
      await second.submit("next", "nodes");
      await second.running("next");
      expect(await second.service.state("job")).toBe("succeeded");
      expect(readFileSync(seen, "utf8")).toBe("0,1\n");
      expect(await second.usage()).toEqual({ currentValue: 2, limit: 2 });
      await second.finish("next");
      expect(await second.usage()).toEqual({ currentValue: 0, limit: 2 });
      await second.close();
    });
  });

  it("while a job runs leaves it its GPUs", async () => {
    await withFolder(async (folder) => {
      await prepare(folder);
      const [begun, gate] = [join(folder, "begun"), join(folder, "gate")];
      const line = `touch '${begun}'; until [ -e '${gate}' ]; do sleep 0.05; done`;
      const killed = startCrashing(folder, "never", line);
      await until("the job runs", () => existsSync(begun));
      killed.kill("SIGKILL");
      await once(killed, "exit");
      const second = await GpuService.start(folder, new FakeGpus(gpuCount));
      expect((await second.gpusOf("job")).map(({ uuid }) => uuid)).toEqual([uuidOf(0), uuidOf(1)]);
      await second.submit("next", "nodes");
      await second.reason("next", /GPU 0, 1: held by the job work\/exp\/job\./);
      await second.terminate("job");
      await second.running("next");
      await second.close();
    });
  });
});
