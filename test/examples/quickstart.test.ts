import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import { QuickstartRuns } from "./quickstartRuns.ts";
import { processesOf } from "./runNode.ts";

describe("the quickstart", () => {
  let runs: QuickstartRuns;
  let folder: string;
  beforeEach(async () => {
    runs = await QuickstartRuns.open();
    ({ folder } = runs);
  });
  afterEach(() => runs.close());
  const start: QuickstartRuns["start"] = (...parameters) => runs.start(...parameters);

  it("walks through the article, twice on the same folder", async () => {
    const variables = "BATCHAI_RESOURCE_GROUP=groupofdotenv\nBATCHAI_ADMIN_PASSWORD=Sesame-0pen!\n";
    await writeFile(join(folder, ".env"), variables);
    for (const parameters of [
      ["--samples", "1000", "--epochs", "2"],
      ["--samples", "500", "--epochs", "1"],
    ]) {
      const { exitCode, stdout, stderr } = await start(parameters).finished;
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(stdout).toMatch(/^2\. Create the resource group groupofdotenv$/m);
      expect(stdout).toMatch(/^ {3}Train-28x28_cntk_text.txt +100 % of [\d.]+ [kM]B$/m);
      expect(stdout).toMatch(/^ {3}Job succeeded, exit code 0\.$/m);
      expect(stdout).toMatch(/^ {3}stdouterr {2}stdout\.txt, [\d.]+ k?B$/m);
      expect(stdout).not.toContain("Sesame");

      const epochs = parameters.at(-1);
      expect(stdout).toMatch(new RegExp(`^ {3}Finished Epoch\\[${epochs} of ${epochs}\\]: .* samples/s\\);$`, "m"));
      expect(stdout).toMatch(
        new RegExp(`^ {3}Epoch ${epochs} of ${epochs}: loss [\\d.]+, accuracy .* [\\d.]+ %$`, "m"),
      );

      const output = join(folder, ".batchai", "quickstart", "output");
      const models = (await readdir(output)).filter((name) => name.endsWith(".model.json"));
      expect(models).toHaveLength(Number(epochs));
      const [accuracy, model, advice] = stdout.trimEnd().split("\n").slice(-3);
      expect(model).toBe(`The model is in ${join(output, models.at(-1) ?? "")}`);
      expect(await readFile(join(output, "stdout.txt"), "utf8")).toContain(`${accuracy}\n`);
      expect(accuracy).toMatch(/^test accuracy: \d+\.\d %$/);
      expect(advice).toBe("To train with CNTK in the article's container: npm run quickstart -- --cntk");
    }
  });

  it.each([
    ["while the job trains", /Minibatch\[ 201-/],
    ["while it uploads", /Create the file share/],
    ["while the node is prepared", /Create the cluster/],
  ])("ends everything when Ctrl-C is pressed %s, and works on the same folder afterwards", async (_, moment) => {
    const interrupted = start(["--samples", "20000", "--epochs", "50"]);
    await interrupted.printed(moment);
    interrupted.process.kill("SIGINT");
    const { exitCode, stderr } = await interrupted.finished;
    expect({ exitCode, stderr: stderr.trim() }).toEqual({ exitCode: 130, stderr: "Interrupted: cleaning up ..." });
    expect(processesOf(folder)).toEqual([]);

    const { exitCode: secondExitCode, stdout } = await start(["--samples", "500", "--epochs", "1"]).finished;
    expect(secondExitCode).toBe(0);
    expect(stdout).toMatch(/^test accuracy: \d+\.\d %$/m);
  });

  it("talks to a service that runs already, and ends its job there at Ctrl-C", async () => {
    const dataDir = join(folder, "service");
    const service = await BatchAIService.start({ dataDir, gracePeriodInMs: 1000 });
    try {
      const variables = { BATCHAI_CONNECTION_FILE: service.connectionFile };
      const interrupted = start(["--samples", "20000", "--epochs", "50"], variables);
      await interrupted.printed(/Minibatch\[ 101-/);
      interrupted.process.kill("SIGTERM");
      expect((await interrupted.finished).exitCode).toBe(130);
      expect(processesOf(dataDir)).toEqual([]);
      const { exitCode, stdout } = await start(["--samples", "500", "--epochs", "1"], variables).finished;
      expect(exitCode).toBe(0);
      expect(stdout).toContain(`This is the service at ${service.connection.endpoint}.`);
    } finally {
      await service.close();
    }
  });

  it("leaves nothing behind when Ctrl-C is pressed again and again", async () => {
    const interrupted = start(["--samples", "20000", "--epochs", "50"]);
    await interrupted.printed(/Minibatch\[ 101-/);
    const pressing = setInterval(() => interrupted.process.kill("SIGINT"), 20);
    expect((await interrupted.finished).exitCode).toBe(130);
    clearInterval(pressing);
    expect(processesOf(folder)).toEqual([]);
  });

  it.each([
    [["--cntk", "--cntk-script", "mine.py"], {}, /^\n--cntk-script names mine\.py, which does not exist\.\n$/],
    [["--epochs", "many"], {}, /--epochs must be a whole number/],
    [["--nonsense"], {}, /^\nUnknown option .--nonsense.\n$/],
    [[], { BATCHAI_ENDPOINT: "https://127.0.0.1:1" }, /BATCHAI_ADMIN_PASSWORD|BATCHAI_STORAGE_ACCOUNT is not set/],
  ])("refuses %j with %j before it starts anything", async (parameters, variables, message) => {
    const { exitCode, stdout, stderr } = await start(parameters, variables).finished;
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(await readdir(folder)).toEqual([]);
  });
});
