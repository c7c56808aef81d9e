import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import { processesOf, RunningScript } from "./runNode.ts";

const QUICKSTART = fileURLToPath(new URL("../../examples/quickstart/quickstart.ts", import.meta.url));

describe("the quickstart", () => {
  let folder: string;
  const running: RunningScript[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchai quickstart-"));
  });
  afterEach(async () => {
    for (const { process: child, finished } of running.splice(0)) {
      child.kill("SIGINT");
      await finished;
    }
    expect(processesOf(folder)).toEqual([]);
    await rm(folder, { recursive: true, force: true });
  });

  function start(parameters: string[], variables: Record<string, string> = {}): RunningScript {
    const own = Object.entries(process.env).filter(([name]) => !/^(BATCHAI|AZURE)_/.test(name));
    const script = new RunningScript(QUICKSTART, parameters, {
      cwd: folder,
      env: { ...Object.fromEntries(own), ...variables },
    });
    running.push(script);
    return script;
  }

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
      const [accuracy, model] = stdout.trimEnd().split("\n").slice(-2);
      expect(model).toBe(`The model is in ${join(output, models.at(-1) ?? "")}`);
      expect(await readFile(join(output, "stdout.txt"), "utf8")).toContain(`${accuracy}\n`);
      expect(accuracy).toMatch(/^test accuracy: \d+\.\d %$/);
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

  describe("with the article's own job", () => {
    // Stands in for Python with CNTK: prints what CNTK prints and saves a model, as long as the script says so.
    const python = `#!/bin/sh
      read -r order < "$1"
      [ "$order" = train ] || { echo "No module named cntk" >&2; exit 3; }
      [ -f "$2/Train-28x28_cntk_text.txt" ] || exit 4
      echo "Finished Epoch[1 of 1]: [Training] loss = 0.203941 * 60000, metric = 5.92% * 60000 2.0s (29970.0 samples/s);"
      echo "Finished Evaluation [1]: Minibatch[1-10]: metric = 0.75% * 10000;"
      echo model > "$3/ConvNet_MNIST.dnn"`;
    const parameters = ["--cntk", "--samples", "100"];
    const startWithPython = async (order: string): Promise<RunningScript> => {
      await writeFile(join(folder, "python"), python, { mode: 0o755 });
      await writeFile(join(folder, "ConvNet_MNIST.py"), `${order}\n`);
      const path = `${folder}:${process.env.PATH ?? ""}`;
      return start([...parameters, "--ignore-container-settings"], { PATH: path });
    };

    it("runs the script with its arguments and reads CNTK's report", async () => {
      const { exitCode, stdout, stderr } = await (await startWithPython("train")).finished;
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect(stdout).toMatch(/^ {3}Epoch 1 of 1: loss 0\.2039, accuracy on the training images 94\.1 %$/m);
      expect(stdout).toMatch(/^test accuracy: 99\.3 %\nThe model is in .*ConvNet_MNIST\.dnn$/m);
    });

    it("says why the script failed", async () => {
      const { exitCode, stderr } = await (await startWithPython("fail")).finished;
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/^Job myjob failed with exit code 3\. JobFailed: .*\n(.*\n)*No module named cntk\n$/m);
      expect(stderr).not.toMatch(/^ +at /m);
    });

    it("says that the embedded service has no containers", async () => {
      await writeFile(join(folder, "ConvNet_MNIST.py"), "");
      const { exitCode, stderr } = await start(parameters).finished;
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/Job myjob failed\. FailedStartingContainer: .*microsoft\/cntk.*ignoreContainerSettings/m);
    });
  });

  it.each([
    [["--cntk"], {}, /ConvNet_MNIST\.py does not exist/],
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
