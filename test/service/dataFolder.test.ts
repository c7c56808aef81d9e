import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
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
