import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import { ArmCaller } from "./arm.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";
import { until } from "../until.ts";

describe("stopping and starting", () => {
  it("finds running jobs again after a clean stop, with their true ends", async () => {
    await withFolder(async (folder) => {
      const first = await ServiceProcess.start(folder);
      const arm = new ArmCaller(first.connection);
      await arm.prepare(4);
      const go = join(folder, "go");
      const jobs = [0, 3, 5];
      for (const code of jobs) {
        const command = `while [ ! -e ${go} ]; do sleep 0.05; done; exit ${String(code)}`;
        await arm.expect("PUT", arm.jobPath(`exit${String(code)}`), arm.jobBody(command));
      }
      await until("all run", async () => {
        const states = await Promise.all(
          jobs.map(async (code) => (await arm.job(`exit${String(code)}`)).executionState),
        );
        return states.every((state) => state === "running");
      });
      expect(await first.stop("SIGINT")).toBe(0);

      const second = await ServiceProcess.start(folder);
      const again = new ArmCaller(second.connection);
      expect(second.connection.subscriptionId).toBe(first.connection.subscriptionId);
      expect(second.connection.token).toBe(first.connection.token);
      expect((await again.job("exit3")).executionState).toBe("running");
      await writeFile(go, "");
      for (const code of jobs) {
        const name = `exit${String(code)}`;
        await until(`${name} has ended`, async () =>
          /succeeded|failed/.test(String((await again.job(name)).executionState)),
        );
        expect(await again.job(name)).toMatchObject({ executionInfo: { exitCode: code } });
      }
      await second.stop();
    });
  });

  it("can terminate a job that an earlier start began", async () => {
    await withFolder(async (folder) => {
      const first = await ServiceProcess.start(folder);
      const arm = new ArmCaller(first.connection);
      await arm.prepare(1);
      await arm.expect("PUT", arm.jobPath("long"), arm.jobBody("sleep 600"));
      await until("it runs", async () => (await arm.job("long")).executionState === "running");
      await first.kill();
      const second = await ServiceProcess.start(folder);
      const again = new ArmCaller(second.connection);
      await again.expect("POST", `${again.jobPath("long")}/terminate`);
      await until("it has ended", async () => (await again.job("long")).executionState === "failed");
      expect(await again.job("long")).toMatchObject({ executionInfo: { errors: [{ code: "JobTerminated" }] } });
      await second.stop();
    });
  });
});

describe("the data folder", () => {
  it("belongs to one service at a time, and a crash leaves no lock behind", async () => {
    await withFolder(async (folder) => {
      const service = await ServiceProcess.start(folder);
      await expect(BatchAIService.start({ dataDir: folder })).rejects.toThrow(/Another batchai service is using/);
      expect(existsSync(join(folder, "connection.json"))).toBe(true);
      await service.kill();
      const next = await BatchAIService.start({ dataDir: folder });
      await next.close();
    });
  });

  it("is refused by a service that is older than what wrote it", async () => {
    await withFolder(async (folder) => {
      await (await BatchAIService.start({ dataDir: folder })).close();
      const database = new DatabaseSync(join(folder, "batchai.db"));
      database.exec("PRAGMA user_version = 999");
      database.close();
      await expect(BatchAIService.start({ dataDir: folder })).rejects.toThrow(/written by a newer version/);
    });
  });

  it("is refused without its key, and with another subscription", async () => {
    await withFolder(async (folder) => {
      await (await BatchAIService.start({ dataDir: folder })).close();
      await expect(BatchAIService.start({ dataDir: folder, subscriptionId: "other" })).rejects.toThrow(
        /subscriptionId/,
      );
      await rm(join(folder, "secret.key"));
      await expect(BatchAIService.start({ dataDir: folder })).rejects.toThrow(/secret\.key is missing/);
    });
  });
});

describe("side by side", () => {
  it("two services with different folders know nothing of each other", async () => {
    await withFolder(async (folder) => {
      const one = await ServiceProcess.start(join(folder, "one"));
      const two = await ServiceProcess.start(join(folder, "two"));
      const [first, second] = [new ArmCaller(one.connection), new ArmCaller(two.connection)];
      await Promise.all([first.prepare(), second.prepare()]);
      for (const [arm, exitCode] of [
        [first, 1],
        [second, 2],
      ] as const) {
        await arm.expect("PUT", arm.jobPath("job"), arm.jobBody(`exit ${String(exitCode)}`));
        await until("it has ended", async () => (await arm.job("job")).executionState === "failed");
        expect(await arm.job("job")).toMatchObject({ executionInfo: { exitCode } });
      }
      const stranger = new ArmCaller({ ...one.connection, token: two.connection.token });
      expect((await stranger.send("GET", stranger.inSubscription("/resourceGroups"))).status).toBe(401);
      await Promise.all([one.stop(), two.stop()]);
    });
  });

  it("says which port is taken, and leaves nothing open", async () => {
    await withFolder(async (folder) => {
      const one = await ServiceProcess.start(join(folder, "one"));
      const port = Number(new URL(one.connection.endpoint).port);
      const dataDir = join(folder, "two");
      await expect(BatchAIService.start({ dataDir, port })).rejects.toThrow(String(port));
      await (await BatchAIService.start({ dataDir })).close();
      await one.stop();
    });
  });

  it("does not listen beyond this machine", async () => {
    await withFolder(async (folder) => {
      await expect(BatchAIService.start({ dataDir: folder, host: "0.0.0.0" })).rejects.toThrow(/loopback/);
    });
  });
});
