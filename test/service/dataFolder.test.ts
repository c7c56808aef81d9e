import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import { until } from "../until.ts";
import { ArmCaller } from "./arm.ts";
import { withFolder } from "./serviceProcess.ts";

const start = (dataDir: string): Promise<BatchAIService> => BatchAIService.start({ dataDir });

describe("a data folder", () => {
  it("with a damaged batchai.db is left alone, and the error names the file and the remedy", async () => {
    await withFolder(async (folder) => {
      await (await start(folder)).close();
      const path = join(folder, "batchai.db");
      const garbage = Buffer.alloc(20_000, "garbage ");
      await writeFile(path, garbage);
      await expect(start(folder)).rejects.toThrow(`${path} is damaged. Restore it from a backup`);
      expect(await readFile(path)).toEqual(garbage);
    });
  });

  it("with a folder in the place of batchai.db says which", async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, "batchai.db"));
      await expect(start(folder)).rejects.toThrow(`${join(folder, "batchai.db")} cannot be used:`);
    });
  });
});

describe("a data folder with a running job", () => {
  /** A job that appends a line when it starts, and ends with exit code 7 when its gate opens. */
  async function withRunningJob(
    work: (place: { folder: string; original: string; openGate: () => Promise<void> }) => Promise<void>,
  ): Promise<void> {
    await withFolder(async (folder) => {
      const original = join(folder, "original");
      const gate = join(folder, "gate");
      const service = await start(original);
      const arm = new ArmCaller(service.connection);
      await arm.prepare();
      const command = `echo attempt >> '${folder}/attempts'; until [ -e '${gate}' ]; do sleep 0.02; done; exit 7`;
      await arm.expect("PUT", arm.jobPath("job"), arm.jobBody(command));
      await until("the job runs", () => linesIn(folder).then((lines) => lines.length === 1));
      await service.close();
      await work({ folder, original, openGate: () => writeFile(gate, "") });
      expect(await linesIn(folder)).toEqual(["attempt"]);
    });
  }

  const linesIn = (folder: string): Promise<string[]> =>
    readFile(join(folder, "attempts"), "utf8").then(
      (text) => text.trim().split("\n"),
      () => [],
    );

  async function endedJob(service: BatchAIService): Promise<Record<string, unknown>> {
    const arm = new ArmCaller(service.connection);
    await until("the job has ended", async () =>
      /succeeded|failed/.test(String((await arm.job("job")).executionState)),
    );
    return arm.job("job");
  }

  it("can be moved: the job runs on and keeps its exit code and its mount root", async () => {
    await withRunningJob(async ({ folder, original, openGate }) => {
      const moved = join(folder, "moved");
      await rename(original, moved);
      const service = await start(moved);
      expect((await new ArmCaller(service.connection).job("job")).executionState).toBe("running");
      await openGate();
      expect(await endedJob(service)).toMatchObject({ executionInfo: { exitCode: 7 } });
      await service.close();
    });
  });

  it("cannot be used as a copy beside the original, which goes on as if nothing had happened", async () => {
    await withRunningJob(async ({ folder, original, openGate }) => {
      const copy = join(folder, "copy");
      await cp(original, copy, { recursive: true });
      await expect(start(copy)).rejects.toThrow(`${copy} is a copy of ${original}`);
      const service = await start(original);
      expect((await new ArmCaller(service.connection).job("job")).executionState).toBe("running");
      await openGate();
      expect(await endedJob(service)).toMatchObject({ executionInfo: { exitCode: 7 } });
      await service.close();
    });
  });

  it("can be used as a copy once the original is elsewhere; its job belongs to the original", async () => {
    await withRunningJob(async ({ folder, original, openGate }) => {
      const copy = join(folder, "copy");
      await cp(original, copy, { recursive: true });
      await rename(original, join(folder, "aside"));
      const second = await start(copy);
      expect(await endedJob(second)).toMatchObject({ executionInfo: { errors: [{ code: "RunLost" }] } });
      await second.close();
      const service = await start(join(folder, "aside"));
      expect((await new ArmCaller(service.connection).job("job")).executionState).toBe("running");
      await openGate();
      expect(await endedJob(service)).toMatchObject({ executionInfo: { exitCode: 7 } });
      await service.close();
    });
  });

  it("reports the job as lost, and runs it no second time, if its run folder was removed", async () => {
    await withRunningJob(async ({ original, openGate }) => {
      await rm(join(original, "runs"), { recursive: true });
      await openGate();
      const service = await start(original);
      expect(await endedJob(service)).toMatchObject({ executionInfo: { errors: [{ code: "RunLost" }] } });
      await service.close();
    });
  });
});
