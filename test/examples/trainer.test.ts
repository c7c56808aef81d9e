import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeMnist } from "../../examples/quickstart/mnist.ts";
import { runNode } from "./runNode.ts";

const TRAINER = fileURLToPath(new URL("../../examples/quickstart/ConvNet_MNIST.mjs", import.meta.url));

describe("the trainer", () => {
  let folder: string;
  let data: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchai-trainer-"));
    data = join(folder, "data");
    await writeMnist(data, { samples: 2000 });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("learns, reports its progress, and saves models that can be evaluated", async () => {
    const models = join(folder, "models");
    const { exitCode, stdout, stderr } = await runNode(TRAINER, data, models, "--epochs", "2");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^ Minibatch\[ {3}1- {2}32\]: loss = [\d.]+ \* 2000, metric = [\d.]+% \* 2000;$/m);
    expect(stdout).toMatch(/^Finished Epoch\[2 of 2\]: .*accuracy = [\d.]+% [\d.]+s \([\d.]+ samples\/s\);$/m);
    expect(accuracyIn(stdout)).toBeGreaterThan(75);

    expect((await readdir(models)).sort()).toEqual([
      "ConvNet_MNIST_0.model.json",
      "ConvNet_MNIST_1.model.json",
      "ConvNet_MNIST_log.txt",
    ]);
    expect(await readFile(join(models, "ConvNet_MNIST_log.txt"), "utf8")).toBe(stdout);

    const evaluation = await runNode(TRAINER, data, "--evaluate", join(models, "ConvNet_MNIST_1.model.json"));
    expect(evaluation.exitCode).toBe(0);
    expect(accuracyIn(evaluation.stdout)).toBe(accuracyIn(stdout));
    const earlier = await runNode(TRAINER, data, "--evaluate", join(models, "ConvNet_MNIST_0.model.json"));
    expect(accuracyIn(earlier.stdout)).not.toBe(accuracyIn(stdout));
  });

  it("gives the same network for the same seed, on any number of workers, and another for another seed", async () => {
    const train = async (name: string, ...options: string[]): Promise<string> => {
      await runNode(TRAINER, data, join(folder, name), "--epochs", "1", ...options);
      return readFile(join(folder, name, "ConvNet_MNIST_0.model.json"), "utf8");
    };
    const one = await train("one", "--seed", "7", "--workers", "1");
    expect(await train("three", "--seed", "7", "--workers", "3")).toBe(one);
    expect(await train("other", "--seed", "8", "--workers", "1")).not.toBe(one);
  });

  it.each([
    [
      "a wrong field",
      (line: string) => line.replace("|features", "|pixels"),
      /line 2: the \|features field is missing/,
    ],
    ["a missing number", (line: string) => line.replace(/ \d+$/, ""), /line 2: \|features has 783 numbers/],
    ["a number too many", (line: string) => `${line} 0`, /line 2: \|features has 785 numbers/],
    ["text", (line: string) => line.replace(/\d+$/, "x"), /line 2: \|features has something that is not/],
    ["a large number", (line: string) => line.replace(/\d+$/, "256"), /line 2: \|features has a number above 255/],
    [
      "no label",
      (line: string) => line.replace(/\|labels [\d ]+/, "|labels 0 0 0 0 0 0 0 0 0 0 "),
      /line 2: exactly one/,
    ],
  ])("refuses a line with %s, and names it", async (_, damage, message) => {
    const damaged = await mkdtemp(join(folder, "damaged-"));
    const lines = (await readFile(join(data, "Test-28x28_cntk_text.txt"), "utf8")).split("\n");
    await writeFile(join(damaged, "Train-28x28_cntk_text.txt"), lines.join("\n"));
    await writeFile(join(damaged, "Test-28x28_cntk_text.txt"), lines.with(1, damage(lines[1] ?? "")).join("\n"));
    await expectRefusal([damaged, join(damaged, "models")], message);
  });

  it("refuses data and models that are not there or not its own", async () => {
    const empty = join(folder, "empty");
    await mkdir(empty);
    await expectRefusal([empty, empty], /Test-28x28_cntk_text\.txt does not exist/);
    await writeFile(join(empty, "Test-28x28_cntk_text.txt"), "");
    await expectRefusal([empty, empty], /contains no samples/);
    await writeFile(join(empty, "some.json"), "{}");
    await expectRefusal([data, "--evaluate", join(empty, "some.json")], /not a model of this script/);
    await expectRefusal([data], /usage: ConvNet_MNIST\.mjs DATA_DIRECTORY MODEL_DIRECTORY/);
    await expectRefusal([data, empty, "--epochs", "none"], /--epochs takes a whole number >= 1/);
  });
});

function accuracyIn(output: string): number {
  return Number(/^test accuracy: ([\d.]+) %$/m.exec(output)?.[1]);
}

async function expectRefusal(parameters: string[], message: RegExp): Promise<void> {
  const { exitCode, stdout, stderr } = await runNode(TRAINER, ...parameters);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^ +at /m);
}
