import { execFile } from "node:child_process";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { versions } from "../../scripts/runtimes.ts";
import { InstalledPackage } from "./installed.ts";
import { needs, needsRuntime, npmRegistryAnswers } from "./prerequisites.ts";
import { expectToServe } from "./smoke.ts";

const run = promisify(execFile);
const mebibyte = 1024 * 1024;

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await InstalledPackage.install();
  for (const name of ["@types/node", "undici-types"]) await installed.link(name);
  return () => installed.remove();
});

describe("a TypeScript project", () => {
  const source = `
    import { BatchAIManagementClient, tokenCredential, type Job } from "batchai";
    import { BatchAIService, type BatchAIServiceOptions } from "batchai/service";
    import { FilesService } from "batchai/files";
    import { uploadDirectory } from "batchai/transfer";
    const client = new BatchAIManagementClient(tokenCredential("token"), "subscription");
    export const job: Promise<Job> = client.jobs.get("group", "workspace", "experiment", "job");
    export const options: BatchAIServiceOptions = { dataDir: "data" };
    export const all = [BatchAIService, FilesService, uploadDirectory] as const;
    // @ts-expect-error the port is a number
    export const wrong: BatchAIServiceOptions = { dataDir: "data", port: "10100" };`;

  it.each([
    ["node16", "node16", ["consumer.mts", "consumer.cts"]],
    ["nodenext", "nodenext", ["consumer.mts", "consumer.cts"]],
    ["bundler", "esnext", ["consumer.mts"]],
  ])("compiles with moduleResolution %s, with the libraries checked too", async (moduleResolution, module, files) => {
    for (const file of files) await writeFile(join(installed.project, file), source);
    const options = ["--moduleResolution", moduleResolution, "--module", module, "--skipLibCheck", "false"];
    const libraries = ["--target", "es2023", "--lib", "es2023,dom,esnext.disposable", "--types", "node"];
    const { stdout } = await run("tsc", ["--noEmit", "--strict", ...options, ...libraries, ...files], {
      cwd: installed.project,
    }).catch((error: unknown) => error as { stdout: string });
    expect(stdout).toBe("");
  });

  it.each(["es2022,dom", "es2023,dom,esnext.disposable"])("compiles for a browser, with lib %s", async (lib) => {
    const file = "browser.mts";
    const code = `
      import { connect } from "batchai";
      export const client = connect({ endpoint: "https://example.com", subscriptionId: "s", token: "t" });
      export const handle = client.jobs.at("g", "w", "e", "j");
      ${lib.includes("disposable") ? "export async function use() { await using own = client; return own; }" : ""}`;
    await writeFile(join(installed.project, file), code);
    const options = ["--moduleResolution", "bundler", "--module", "esnext", "--target", "es2022", "--types", ""];
    const { stdout } = await run(
      "tsc",
      ["--noEmit", "--strict", "--skipLibCheck", "false", ...options, "--lib", lib, file],
      { cwd: installed.project },
    ).catch((error: unknown) => error as { stdout: string });
    expect(stdout.split("\n").filter((line) => line.includes("batchai") || line.startsWith(file))).toEqual([]);
  });

  it("finds the right types of every entry", async () => {
    const tarball = createPackageFromTarballData(new Uint8Array(await readFile(installed.tarball)));
    const result = await checkPackage(tarball);
    const problems = result.types === false ? ["there are no types"] : result.problems;
    // "node10" is how Node.js resolved before there were `exports`; no version that this package runs on does so.
    const ours = problems.filter(
      (problem) => typeof problem === "string" || !("resolutionKind" in problem) || problem.resolutionKind !== "node10",
    );
    expect(ours).toEqual([]);
  });
});

describe("a bundler", () => {
  async function bundle(code: string): Promise<string> {
    const { outputFiles } = await build({
      stdin: { contents: code, resolveDir: installed.project },
      bundle: true,
      format: "esm",
      platform: "node",
      external: Object.keys(installed.manifest.dependencies),
      write: false,
      logLevel: "error",
    });
    return outputFiles[0]?.text ?? "";
  }

  it("makes a program that works", async () => {
    const program = join(installed.project, "bundled.mjs");
    const code = `
      import { BatchAIManagementClient, tokenCredential } from "batchai";
      const client = new BatchAIManagementClient(tokenCredential("token"), "subscription");
      console.log(typeof client.jobs.get);`;
    await writeFile(program, await bundle(code));
    expect((await run(process.execPath, [program])).stdout).toBe("function\n");
  });

  it.each(["batchai", "batchai/service", "batchai/files", "batchai/transfer"])(
    "leaves out an import of %s that is not used",
    async (entry) => {
      expect(await bundle(`import "${entry}"; import * as unused from "${entry}"; console.log(1);`)).toMatch(
        /^(\/\/.*\n)?console\.log\(1\);\n$/,
      );
    },
  );

  it.each([
    ["tokenCredential", 4000],
    ["isRestError", 4000],
    ["isBatchAIError", 4000],
    ["ValidationError", 5000],
    ["AbortError", 5000],
    ["JobFailedError", 5000],
    ["ClusterNodesError", 5000],
    ["allowLoopbackHttp", 6144],
  ])("takes %s alone and leaves out the client and the tables of the wire: at most %i bytes", async (name, bytes) => {
    const all = await bundle(`import * as sdk from "batchai"; console.log(sdk);`);
    const little = await bundle(`import { ${name} } from "batchai"; console.log(${name});`);
    for (const part of ["BatchAIManagementClient = class", "function createJobs(", '"JobCreateParameters"']) {
      expect(all).toContain(part);
      expect(little).not.toContain(part);
    }
    expect(little.length).toBeLessThanOrEqual(bytes);
  });

  it("takes nothing of the service into a program that uses the SDK", async () => {
    const bundled = await bundle(`import * as sdk from "batchai"; console.log(sdk);`);
    expect(bundled.length).toBeLessThan(0.25 * mebibyte);
    expect(bundled).not.toMatch(/from "node:|require\("node:|fastify|sqlite/);
  });
});

describe("the size", () => {
  it("of the SDK's own files is at most 1 MiB", async () => {
    const ofService = /^dist\/(service|files|cli)\//;
    let bytes = 0;
    for (const path of installed.packed.filter((each) => !ofService.test(each))) {
      bytes += (await stat(installed.path(path))).size;
    }
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(mebibyte);
  });

  it("of an installation is at most 7.5 MiB and 20 packages", async (context) => {
    needs(context, "access to the npm registry", await npmRegistryAnswers());
    const folder = await installed.newFolder("install");
    await writeFile(join(folder, "package.json"), "{}");
    await run("npm", ["install", installed.tarball, "--omit=dev", "--ignore-scripts", "--no-audit"], { cwd: folder });
    const modules = join(folder, "node_modules");
    const files = await readdir(modules, { recursive: true, withFileTypes: true });
    const sizes = await Promise.all(
      files.filter((file) => file.isFile()).map(async (file) => (await stat(join(file.parentPath, file.name))).size),
    );
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const lock = JSON.parse(await readFile(join(modules, ".package-lock.json"), "utf8")) as { packages: object };
    const packages = Object.keys(lock.packages).length;
    expect(packages).toBeGreaterThan(1);
    expect(packages).toBeLessThanOrEqual(20);
    expect(bytes / mebibyte).toBeLessThanOrEqual(7.5);
  });
});

describe("a project that also uses other Azure packages", () => {
  // Versions of 2026. The oldest ones use core-lro 2, which no package can share with core-lro 3.
  it.for([
    ["25.5.0", "8.0.0", []],
    ["25.3.0", "8.0.0", []],
    ["24.1.0", "7.0.0", ["@azure/core-lro"]],
  ] as const)(
    "has one copy of each core package beside @azure/arm-containerservice %s and @azure/arm-resources %s",
    async ([containerService, resources, twice], context) => {
      needs(context, "access to the npm registry", await npmRegistryAnswers());
      const folder = await installed.newFolder("copies");
      const dependencies = {
        "@azure/arm-containerservice": containerService,
        "@azure/arm-resources": resources,
        batchai: `file:${installed.tarball}`,
      };
      await writeFile(join(folder, "package.json"), JSON.stringify({ dependencies }));
      await run("npm", ["install", "--package-lock-only", "--no-audit"], { cwd: folder });
      const lock = JSON.parse(await readFile(join(folder, "package-lock.json"), "utf8")) as { packages: object };
      const names = Object.keys(lock.packages).map((path) => path.replace(/^.*node_modules\//, ""));
      const core = names.filter((name) => /^@(azure|typespec)\//.test(name));
      expect(core).toContain("@azure/core-rest-pipeline");
      expect(core.filter((name, place) => core.indexOf(name) !== place)).toEqual(twice);
    },
  );
});

describe("Node.js", () => {
  // The oldest version that the package supports, and the newest.
  it.for(["node22", "node26"] as const)("%s runs the SDK and the service", async (name, context) => {
    const node = needsRuntime(context, name);
    expect((await run(node, ["--version"])).stdout.trim()).toBe(`v${versions[name]}`);
    await expectToServe(
      installed,
      (dataDir) => [
        // It warns that SQLite is new there.
        "--disable-warning=ExperimentalWarning",
        installed.path("dist/cli/main.js"),
        ...["serve", "--data-dir", dataDir, "--port", "0", "--files-port", "0", "--log-level", "warn"],
      ],
      {
        node,
        whileItServes: async ({ endpoint, subscriptionId, token }) => {
          const options = `{ endpoint: "${endpoint}", allowInsecureConnection: true }`;
          const ask = `
            const client = new BatchAIManagementClient(tokenCredential("${token}"), "${subscriptionId}", ${options});
            client.jobs.get("group", "work", "exp", "hello").then((job) => console.log(JSON.stringify(job.executionInfo)));`;
          const loads = "const { BatchAIManagementClient, tokenCredential } =";
          const asModule = await installed.evaluate("module", `${loads} await import("batchai"); ${ask}`, node);
          const asCommonJs = await installed.evaluate("commonjs", `${loads} require("batchai"); ${ask}`, node);
          expect(asModule).toMatchObject({ exitCode: 7 });
          expect(asCommonJs).toMatchObject({ exitCode: 7 });
        },
      },
    );
  });
});
