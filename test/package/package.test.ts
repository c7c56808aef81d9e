import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, existsSync } from "node:fs";
import { access, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { beforeAll, describe, expect, it } from "vitest";
import { packageVersion } from "../../src/http/version.ts";
import type { ServiceConnection } from "../../src/service/index.ts";
import { ArmCaller } from "../service/arm.ts";
import { until } from "../service/until.ts";
import { importsOf, InstalledPackage } from "./installed.ts";

const run = promisify(execFile);
const entries = ["batchai", "batchai/service", "batchai/files", "batchai/transfer"];

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await InstalledPackage.install();
  return () => installed.remove();
}, 180_000);

describe("the tarball", () => {
  it("holds what is needed and nothing else", () => {
    const others = installed.packed.filter((path) => !/^dist\/.+\.(js|cjs|d\.ts|d\.cts)$/.test(path));
    expect(others.sort()).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist/third-party-licences.txt",
      "package.json",
    ]);
  });

  it("says nothing of the machine on which it was built", async () => {
    for (const path of installed.packed) expect(await installed.read(path), path).not.toContain(process.cwd());
  });

  it("passes publint", async () => {
    const { messages, pkg } = await publint({ pkgDir: installed.path("."), pack: false, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  it("names the licence of every package that is bundled", async () => {
    const licences = await installed.read("dist/third-party-licences.txt");
    for (const name of ["fastify", "pino", "commander", "@azure/core-xml", "tinyduration"]) {
      expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"));
    }
  });
});

describe("the entries", () => {
  it.each(entries)("%s gives the same to import and to require", async (entry) => {
    const imported = await installed.evaluate(
      "module",
      `import * as entry from "${entry}"; console.log(JSON.stringify(Object.keys(entry).sort()));`,
    );
    const required = await installed.evaluate(
      "commonjs",
      `console.log(JSON.stringify(Object.keys(require("${entry}")).sort()));`,
    );
    expect(imported).not.toEqual([]);
    expect(required).toEqual(imported);
  });

  it("holds the client, the service and the files", async () => {
    const kinds = await installed.evaluate(
      "module",
      `import { BatchAIManagementClient } from "batchai";
       import { BatchAIService } from "batchai/service";
       import { FilesService } from "batchai/files";
       console.log(JSON.stringify([BatchAIManagementClient, BatchAIService, FilesService].map((each) => typeof each)));`,
    );
    expect(kinds).toEqual(["function", "function", "function"]);
  });

  it("has types that compile for both formats, in a strict project", async () => {
    await installed.link("@types/node");
    await installed.link("undici-types");
    const source = `
      import { BatchAIManagementClient } from "batchai";
      import { BatchAIService, type BatchAIServiceOptions } from "batchai/service";
      import { FilesService } from "batchai/files";
      export const options: BatchAIServiceOptions = { dataDir: "data" };
      export const all = [BatchAIManagementClient, BatchAIService, FilesService] as const;
      // @ts-expect-error the port is a number
      export const wrong: BatchAIServiceOptions = { dataDir: "data", port: "10100" };`;
    await writeFile(join(installed.project, "types.mts"), source);
    await writeFile(join(installed.project, "types.cts"), source);
    const options = [
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2023",
      "--lib",
      "es2023,dom,esnext.disposable",
    ];
    const { stdout } = await run("tsc", [...options, "--types", "node", "types.mts", "types.cts"], {
      cwd: installed.project,
    }).catch((error: unknown) => error as { stdout: string });
    expect(stdout).toBe("");
  }, 120_000);

  it("has types that need nothing but the dependencies", async () => {
    const allowed = Object.keys(installed.manifest.dependencies);
    for (const path of installed.packed.filter((each) => /\.d\.c?ts$/.test(each))) {
      const foreign = importsOf(await installed.read(path)).filter((name) => !/^(\.|node:)/.test(name));
      expect(
        foreign.filter((name) => !allowed.includes(name)),
        path,
      ).toEqual([]);
    }
  });
});

describe("the SDK", () => {
  it.each(["dist/index.js", "dist/index.cjs"])("%s needs the dependencies and nothing else", async (path) => {
    const imports = importsOf(await installed.read(path));
    expect(imports).not.toEqual([]);
    expect(imports.filter((name) => !(name in installed.manifest.dependencies))).toEqual([]);
  });

  it("tells the service its version", () => {
    expect(packageVersion).toBe(installed.manifest.version);
  });

  it("is small", async () => {
    for (const path of ["dist/index.js", "dist/index.cjs", "dist/index.d.ts", "dist/index.d.cts"]) {
      expect((await stat(installed.path(path))).size, path).toBeLessThan(256 * 1024);
    }
  });
});

describe("the command line", () => {
  it("can be run as a program and explains itself", async () => {
    const program = installed.path("dist/cli/main.js");
    await access(program, constants.X_OK);
    expect((await run(program, ["--help"])).stdout).toContain("serve");
    expect((await run(program, ["--version"])).stdout.trim()).toBe(installed.manifest.version);
  });

  it("serves, runs a job, and stops when it is told to", async () => {
    await expectToServe((dataDir) => [
      installed.path("dist/cli/main.js"),
      ...["serve", "--data-dir", dataDir, "--port", "0", "--files-port", "0", "--log-level", "warn"],
    ]);
  });
});

describe("the service inside another program", () => {
  const script = (dataDir: string): string => `
    const service = await BatchAIService.start({ dataDir: ${JSON.stringify(dataDir)} });
    await new Promise((resolve) => process.once("SIGTERM", resolve));
    await service.close();`;

  it("runs a job when it was imported", async () => {
    await expectToServe((dataDir) => [
      "--input-type=module",
      `--eval=import { BatchAIService } from "batchai/service"; ${script(dataDir)}`,
    ]);
  });

  it("runs a job when it was required", async () => {
    await expectToServe((dataDir) => [
      "--input-type=commonjs",
      `--eval=const { BatchAIService } = require("batchai/service"); (async () => { ${script(dataDir)} })();`,
    ]);
  });
});

/** Starts a service with Node.js, has it run a job, and stops it: all without a complaint. */
async function expectToServe(nodeArguments: (dataDir: string) => string[]): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "batchai-"));
  const service = spawn(process.execPath, nodeArguments(dataDir), {
    cwd: installed.project,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exit = once(service, "exit");
  let errors = "";
  service.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  try {
    const connectionFile = join(dataDir, "connection.json");
    await until("the service accepts requests", () => {
      if (service.exitCode !== null) throw new Error(`it ended with ${String(service.exitCode)}: ${errors}`);
      return existsSync(connectionFile);
    });
    await runJob(JSON.parse(await readFile(connectionFile, "utf8")) as ServiceConnection);
  } finally {
    service.kill("SIGTERM");
    await exit;
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
  expect({ exitCode: service.exitCode, errors }).toEqual({ exitCode: 0, errors: "" });
}

/** Runs a job. That needs the launcher, a program of its own, from wherever the build has put it. */
async function runJob(connection: ServiceConnection): Promise<void> {
  const arm = new ArmCaller(connection);
  await arm.prepare();
  await arm.expect("PUT", arm.jobPath("hello"), arm.jobBody("exit 7"));
  await until("the job has ended", async () =>
    ["succeeded", "failed"].includes(String((await arm.job("hello")).executionState)),
  );
  expect((await arm.job("hello")).executionInfo).toMatchObject({ exitCode: 7 });
}
