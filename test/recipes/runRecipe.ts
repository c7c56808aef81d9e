import { join } from "node:path";
import { expect } from "vitest";
import type { EmbeddedService } from "../service/embeddedService.ts";
import type { Recipe } from "./recipes.ts";
import { writeScripts } from "./standIns.ts";

/** What a training script printed. */
interface Printed {
  readonly arguments: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

/** Names of the output files, and the number of processes that wrote to each, by recipe. */
const expected: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "Chainer/Chainer-GPU-Distributed/job.json": { "stdout.txt": 2 },
  "Chainer/Chainer-GPU-Distributed-Infiniband/job.json": { "stdout.txt": 8 },
  "Caffe2/Caffe2-GPU-Distributed/job.json": { "stdout-0.txt": 1, "stdout-1.txt": 1 },
  "CNTK/CNTK-GPU-BrainScript/job.json": { "stdout.txt": 1 },
  "CNTK/CNTK-GPU-BrainScript-Distributed/job.json": { "stdout.txt": 2 },
  "CNTK/CNTK-GPU-Python/job.json": { "stdout.txt": 1 },
  "CNTK/CNTK-GPU-Python-Distributed/job.json": { "stdout.txt": 2 },
  "CNTK/CNTK-GPU-Python-Distributed-Infiniband/job.json": { "stdout.txt": 8 },
  "TensorFlow/TensorFlow-GPU/job.json": { "stdout-wk-0.txt": 1 },
  "TensorFlow/TensorFlow-GPU-Distributed/job.json": {
    "stdout-wk-0.txt": 1,
    "stdout-wk-1.txt": 1,
    "stdout-ps-0.txt": 1,
  },
  "PyTorch/PyTorch-GPU-Distributed-Gloo/job.json": { "stdout-0.txt": 1, "stdout-1.txt": 1 },
  "Batch-Scoring/Distributed-Batch-Scoring-in-Tensorflow-with-GPU/job.json": { "stdout.txt": 2 },
  "Keras/Keras-GPU/job_tensorflow.json": { "stdout-wk-0.txt": 1 },
  "Keras/Keras-GPU/job_cntk.json": { "stdout.txt": 1 },
  "Horovod/Horovod-Infiniband-Benchmark/job.json": { "stdout.txt": 8 },
  "Horovod/Horovod-PyTorch/job.json": { "stdout.txt": 2 },
  "Horovod/Horovod-Tensorflow/job.json": { "stdout.txt": 2 },
};

/** Creates the shares of the recipes with their scripts, and a cluster of two nodes. */
export async function prepareRecipes(embedded: EmbeddedService): Promise<void> {
  const external = await embedded.share("external");
  for (const name of ["logs", "scripts", "data"]) await embedded.share(name);
  await writeScripts(join(embedded.folder, "files", embedded.service.connection.storage.accountName, "scripts"));
  await embedded.arm.prepare(2, { nodeSetup: { mountVolumes: { azureFileShares: [external] } } });
}

/** Runs a recipe and checks what its processes printed. */
export async function expectToRun(recipe: Recipe, embedded: EmbeddedService): Promise<void> {
  const name = nameOf(recipe);
  const { arm } = embedded;
  await arm.expect("PUT", arm.jobPath(name), {
    properties: {
      cluster: { id: arm.inWorkspace("/clusters/nodes") },
      ...recipe.properties(embedded.service.connection.storage),
    },
  });
  const job = await embedded.ended(name);
  const files = await embedded.files(name, "stdouterr");
  const errors = Object.entries(files).filter(([file]) => file.startsWith("stderr"));
  expect(job, JSON.stringify(errors)).toMatchObject({ executionState: "succeeded" });

  const printed = Object.entries(files)
    .filter(([file]) => /^stdout(?!.*job_prep)/.test(file))
    .map(([file, text]): [string, Printed[]] => [file, text.split("\n").filter(Boolean).map(parsed)]);
  expect(Object.fromEntries(printed.map(([file, lines]) => [file, lines.length]))).toEqual(expected[recipe.file]);
  const lines = printed.flatMap(([, all]) => all);
  // Every variable in the arguments had a value, but for one that the recipe itself forgets to define.
  const empty = lines.flatMap((line) => line.arguments).filter((argument) => /\$|=$|^$/.test(argument));
  const forgotten = recipe.file.startsWith("TensorFlow/TensorFlow-GPU-Distributed/");
  expect(empty).toEqual(forgotten ? ["--data_dir=", "--data_dir="] : []);
  const ranks = lines.flatMap(({ variables }) => variables.OMPI_COMM_WORLD_RANK ?? []);
  expect(new Set(ranks).size).toBe(ranks.length);
}

function nameOf({ file }: Recipe): string {
  return file
    .replace(/\.json$/, "")
    .replace(/.*\/(?=.*\/)/, "")
    .replaceAll(/[^A-Za-z0-9]+/g, "-")
    .slice(0, 60);
}

function parsed(line: string): Printed {
  return JSON.parse(line) as Printed;
}
