import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { EmbeddedService } from "../service/embeddedService.ts";
import { missingPrograms, reasonOf, titleOf } from "../programs.ts";
import { azJobCreate } from "./azJobCreate.ts";
import { recipes, type Recipe } from "./recipes.ts";
import { writePrograms, writeScripts } from "./standIns.ts";

/** The published job files, where a developer has them; see CONTRIBUTING.md. */
const originals = process.env.BATCHAI_RECIPES ?? join(import.meta.dirname, "../../../shared/reference/recipes/recipes");
const withoutOriginals = existsSync(originals) ? undefined : `${originals} does not exist`;

describe.skipIf(withoutOriginals)(titleOf("the requests of the recipes", withoutOriginals), () => {
  it.each(recipes)("are those of $file", async ({ file, properties }) => {
    const account = { accountName: "account", accountKey: "a2V5" };
    expect(properties(account)).toEqual(azJobCreate(await readFile(join(originals, file), "utf8"), account));
  });
});

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

const lack = reasonOf(missingPrograms(["python3", "mpirun"]));

describe.skipIf(lack)(titleOf("the official recipes", lack), () => {
  let programs: string;
  let embedded: EmbeddedService;

  beforeAll(async () => {
    programs = await mkdtemp(join(tmpdir(), "batchai-programs-"));
    await writePrograms(programs);
    vi.stubEnv("PATH", `${programs}:${process.env.PATH ?? ""}`);
    embedded = await EmbeddedService.start({ ignoreContainerSettings: true });
    const external = await embedded.share("external");
    for (const name of ["logs", "scripts", "data"]) await embedded.share(name);
    await writeScripts(join(embedded.folder, "files", embedded.service.connection.storage.accountName, "scripts"));
    await embedded.arm.prepare(2, { nodeSetup: { mountVolumes: { azureFileShares: [external] } } });
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await embedded.close();
    await rm(programs, { recursive: true, force: true });
  });

  it.each(recipes)("$file runs", async (recipe) => {
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
  });
});

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
