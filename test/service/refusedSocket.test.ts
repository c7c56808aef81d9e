import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FakeDaemon } from "../engines/fakeDaemon.ts";
import { titleOf } from "../programs.ts";
import { until } from "../until.ts";
import { ArmCaller } from "./arm.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";

// Nothing is refused to root, so the service runs as another user, and only root may become one.
const obstacle = process.getuid?.() === 0 ? undefined : "only root can start a service of another user";

describe.skipIf(obstacle)(titleOf("a container engine whose socket refuses the user of the service", obstacle), () => {
  const user = String(40_000 + (process.pid % 20_000));
  const prefix = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--", "env"];
  const containerSettings = { imageSourceRegistry: { image: "test/image:1" } };

  it("lets jobs wait if somebody has named it, says what to do, and runs them once it is allowed", async () => {
    await withFolder(async (folder) => {
      const daemon = new FakeDaemon(folder);
      await daemon.listen();
      chmodSync(folder, 0o777);
      chmodSync(join(folder, "daemon.sock"), 0o600);
      const variables = { XDG_STATE_HOME: join(folder, "state"), HOME: folder };
      const flags = ["--container-engine", daemon.address];
      const service = await ServiceProcess.start(join(folder, "data"), flags, variables, prefix);
      const arm = new ArmCaller(service.connection);
      await arm.prepare(1);
      await arm.expect("PUT", arm.jobPath("job"), arm.jobBody("exit 3", { containerSettings }));
      await until("it waits", async () => JSON.stringify(await arm.job("job")).includes("Shortage"));
      const waiting = await arm.job("job");
      expect(waiting).toMatchObject({ executionState: "queued", batchai: { waitingFor: { code: "Shortage" } } });
      expect(JSON.stringify(waiting)).toMatch(/may not use the container engine at .*usermod -aG docker USER/);
      chmodSync(join(folder, "daemon.sock"), 0o666);
      await until("it has ended", async () => (await arm.job("job")).executionState === "failed");
      expect(await arm.job("job")).toMatchObject({ executionInfo: { exitCode: 3 } });
      await service.stop();
      await daemon.close();
    });
  }, 60_000);

  it("is named in the log and in the error of the job if nobody has named it", async () => {
    await withFolder(async (folder) => {
      const daemon = new FakeDaemon(folder);
      await daemon.listen();
      chmodSync(folder, 0o777);
      chmodSync(join(folder, "daemon.sock"), 0o600);
      const variables = { XDG_STATE_HOME: join(folder, "state"), HOME: folder, DOCKER_HOST: daemon.address };
      const service = await ServiceProcess.start(join(folder, "data"), [], variables, prefix);
      const refusal = new RegExp(`may not use the container engine at ${daemon.address}.*usermod -aG docker USER`);
      expect(service.output).toMatch(refusal);
      await service.stop();
      await daemon.close();
    });
  }, 60_000);
});
