import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { FakeDaemon } from "../engines/fakeDaemon.ts";
import { missingFromPath, titleOf } from "../programs.ts";
import { ArmCaller } from "../service/arm.ts";
import { ServiceProcess, withFolder } from "../service/serviceProcess.ts";
import { until } from "../until.ts";

const [lack] = missingFromPath(["curl"]);
const obstacle = lack === undefined ? undefined : `this machine has no ${lack}`;

describe.skipIf(obstacle)(titleOf("the page about containers", obstacle), () => {
  it("has a command that submits a job", async () => {
    const page = await readFile(new URL("../../docs/containers.md", import.meta.url), "utf8");
    const [, command = ""] = /^```sh\n(.*?)^```$/ms.exec(page) ?? [];
    expect(command).toContain("curl");
    await withFolder(async (folder) => {
      const daemon = new FakeDaemon(folder);
      daemon.images.set("debian:12", ["PATH=/usr/bin:/bin"]);
      await daemon.listen();
      const service = await ServiceProcess.start(join(folder, ".batchai"), ["--container-engine", daemon.address]);
      const arm = new ArmCaller(service.connection);
      await arm.prepare(1);
      await promisify(execFile)("bash", ["-e", "-c", command], { cwd: folder });
      await until("it has ended", async () => (await arm.job("trainer")).executionState === "succeeded");
      expect(daemon.calls).toContain("POST /containers/create");
      await service.stop();
      await daemon.close();
    });
  });
});
