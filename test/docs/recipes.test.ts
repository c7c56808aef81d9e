import { execFile } from "node:child_process";
import { glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { missingModules, missingPrograms, reasonOf, titleOf } from "../programs.ts";
import { ServiceProcess } from "../service/serviceProcess.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const sources = { batchai: "src/index.ts", "batchai/transfer": "src/transfer/index.ts" };

let folder: string;
let service: ServiceProcess;

/** Saves the files of the page, whose names are in their first lines, as a reader of the page does. */
async function saveFiles(): Promise<string[]> {
  const page = await readFile(join(root, "docs/recipes.md"), "utf8");
  const blocks = [...page.matchAll(/^```(?:ts|python)\n(?:\/\/|#) (\S+)\n(.*?)^```$/gms)];
  for (const [, name = "", text = ""] of blocks) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, fromSources(text));
  }
  return blocks.map(([, name = ""]) => name);
}

/** The same program, with the package's names standing for its sources. */
function fromSources(program: string): string {
  let source = program;
  for (const [name, path] of Object.entries(sources)) source = source.replaceAll(`"${name}"`, `"${join(root, path)}"`);
  return source;
}

async function output(program: string): Promise<string> {
  const { stdout } = await run(process.execPath, [program], { cwd: folder, timeout: 150_000 });
  return stdout;
}

/** Returns what worker 1 of the TensorFlow job printed, which the program does not show. */
async function outputOfWorker1(): Promise<string> {
  const share = join(folder, ".batchai/files/batchaistorage/work");
  for await (const path of glob("**/stdout-wk-1.txt", { cwd: share })) return readFile(join(share, path), "utf8");
  return "";
}

let files: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchai-recipes-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  files = await saveFiles();
  service = await ServiceProcess.start(join(folder, ".batchai"), ["--resource-group", "group"]);
});

afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true, force: true });
});

it("all programs of the page have a test here, and compile", async () => {
  const programs = files.filter((name) => name.endsWith(".mts"));
  expect(programs).toEqual([
    "recipe.mts",
    "python.mts",
    "sweep.mts",
    "pytorch.mts",
    "tensorflow.mts",
    "mpi.mts",
    "blob.mts",
    "oldJob.mts",
  ]);
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { allowImportingTsExtensions: true },
    include: ["*.mts"],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const outcome = await run(process.execPath, [compiler, "-p", folder]).catch((error: unknown) => error);
  expect(outcome).toMatchObject({ stdout: "" });
});

describe("the recipes", () => {
  const recipe = (program: string, missing: readonly string[], expected: (printed: string) => unknown): void => {
    it.skipIf(missing.length > 0)(titleOf(program, reasonOf(missing)), async () => {
      await expected(await output(program));
    });
  };
  // The command lines of these recipes name python3; the toolkits of the others find Python themselves.
  const python3 = (modules: readonly string[]): string[] => [
    ...missingPrograms(["python3"]),
    ...missingModules(modules, "python3"),
  ];

  recipe("python.mts", python3(["venv", "ensurepip"]), (printed) => {
    expect(printed).toMatch(/loss +0\.25/);
  });
  recipe("sweep.mts", python3([]), (printed) => {
    expect(printed.match(/^rate=/gm)).toHaveLength(4);
    expect(printed).toContain("rate=0.5 loss=0.000000");
  });
  recipe("pytorch.mts", missingModules(["torch"]), (printed) => {
    const [, weight, mean] = /rank 0: weight (\S+), mean of both ranks (\S+)/.exec(printed) ?? [];
    expect(Number(weight)).toBeCloseTo(2, 0);
    expect(mean).toBe(weight);
  });
  recipe("tensorflow.mts", missingModules(["tensorflow"]), async (printed) => {
    expect(printed).toMatch(/worker 0: weight (2\.9\d|3\.0\d)/);
    expect(await outputOfWorker1()).toMatch(/worker 1: weight/);
  });
  recipe("mpi.mts", [...missingPrograms(["mpirun"]), ...python3(["mpi4py"])], (printed) => {
    expect(printed).toContain("4 ranks, sum of their numbers 6\n");
  });
  recipe("blob.mts", [], (printed) => {
    expect(printed).toBe("3\n");
  });

  it("oldJob.mts", async () => {
    const properties = {
      nodeCount: 1,
      customToolkitSettings: { commandLine: "ls $AZ_BATCHAI_JOB_MOUNT_ROOT/data/scripts/hello.py" },
      stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs",
      mountVolumes: {
        azureFileShares: [
          {
            azureFileUrl: "https://<AZURE_BATCHAI_STORAGE_ACCOUNT>.file.core.windows.net/work",
            relativeMountPath: "logs",
          },
        ],
        azureBlobFileSystems: [
          { accountName: "<AZURE_BATCHAI_STORAGE_ACCOUNT>", containerName: "work", relativeMountPath: "data" },
        ],
      },
    };
    await writeFile(join(folder, "job.json"), JSON.stringify({ properties }));
    expect(await output("oldJob.mts")).toMatch(/data\/scripts\/hello\.py\n$/);
  });
});
