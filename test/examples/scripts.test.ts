import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import { RunningScript } from "./runNode.ts";

const scriptPath = (name: string): string =>
  fileURLToPath(new URL(`../../examples/scripts/${name}.ts`, import.meta.url));

describe("the example scripts", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchai-scripts-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const examples: [string, RegExp][] = [
    ["waitForNodes", /^2 of 2 nodes, 0 being prepared\nnodes is steady\.\n$/m],
    [
      "waitForCompletion",
      /good is succeeded\n(bad is \w+\n)*bad is failed\nJob bad failed with exit code 3\. JobFailed: .*\nLast lines of stderr\.txt:\nno data\n$/,
    ],
    ["streamOutputFile", /^step 1\nstep 2\nstep 3\n$/],
    ["transferFolders", /^(\d of 1 files, [06] of 6 bytes\n)+sorted\.txt: 1 2 3\n$/],
  ];

  it.each(examples)("%s runs and leaves nothing behind", async (name, output) => {
    const { BATCHAI_CONNECTION_FILE: _, ...variables } = process.env;
    const env = { ...variables, TMPDIR: folder };
    const { exitCode, stdout, stderr } = await new RunningScript(scriptPath(name), [], { env }).finished;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(output);
    expect(await readdir(folder)).toEqual([]);
  });

  it("work with a service that runs already", async () => {
    const service = await BatchAIService.start({ dataDir: join(folder, "service"), resourceGroups: ["examples"] });
    try {
      const env = { ...process.env, BATCHAI_CONNECTION_FILE: service.connectionFile };
      const { exitCode, stdout } = await new RunningScript(scriptPath("streamOutputFile"), [], { env }).finished;
      expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "step 1\nstep 2\nstep 3\n" });
    } finally {
      await service.close();
    }
  });
});
