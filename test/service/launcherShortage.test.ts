import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { childrenOf } from "../engines/crash.ts";
import { textOf } from "../engines/workplace.ts";
import { until } from "../until.ts";
import { ArmCaller } from "./arm.ts";
import { KeptConnection } from "./keptConnection.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";

function launcherOf(service: ServiceProcess): number | undefined {
  return childrenOf(service.pid).find((pid) => textOf(`/proc/${pid}/cmdline`).includes("launcher"));
}

/** The event loop and the databases have ten descriptors, so nothing new can be opened. */
function limitDescriptors(pid: number, most: number): void {
  execFileSync("prlimit", ["--pid", String(pid), `--nofile=${most}:`]);
}

/** Runs `work` while the service has no descriptors, and expects that the job which it submits succeeds later. */
async function jobWithoutDescriptors(
  during: (service: ServiceProcess, submit: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const service = await ServiceProcess.start(join(folder, "data"), ["--mount-root", join(folder, "mounts")]);
    try {
      const arm = new ArmCaller(service.connection);
      await arm.prepare();
      const kept = new KeptConnection(service.connection);
      expect((await kept.send("GET", arm.inWorkspace())).status).toBe(200);
      limitDescriptors(service.pid, 10);
      await during(service, async () => {
        const command = `echo attempt >> '${folder}/attempts'`;
        const { status } = await kept.send("PUT", arm.jobPath("job"), arm.jobBody(command));
        expect(status).toBe(202);
      });
      limitDescriptors(service.pid, 4096);
      const state = async (): Promise<unknown> => (await arm.job("job")).executionState;
      await until("the job has ended", async () => /succeeded|failed/.test(String(await state())));
      expect(await state()).toBe("succeeded");
      expect(textOf(join(folder, "attempts"))).toBe("attempt\n");
      kept.close();
      expect(await service.stop()).toBe(0);
    } finally {
      await service.kill();
    }
  });
}

it("a launcher that dies while there are no descriptors is started again when there are", async () => {
  await jobWithoutDescriptors(async (service, submit) => {
    process.kill(launcherOf(service) ?? 0, "SIGKILL");
    await until("the service has noticed", () => service.output.includes("launcher of the process engine died"));
    await submit();
    await until("a start has failed", () => service.output.includes("failed to start a run for now"));
  });
});

it("a job that is submitted while there are no descriptors waits for them", async () => {
  await jobWithoutDescriptors(async (service, submit) => {
    await submit();
    await until("a start has failed", () => service.output.includes("failed to start a run for now"));
  });
});
