import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { beforeAll, describe, expect, it } from "vitest";
import { packageVersion } from "../../src/http/version.ts";
import { importsOf, InstalledPackage } from "./installed.ts";
import { expectToServe } from "./smoke.ts";

const run = promisify(execFile);
const entries = ["batchai", "batchai/service", "batchai/files", "batchai/transfer"];

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await InstalledPackage.install();
  return () => installed.remove();
});

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
});

describe("the command line", () => {
  it("can be run as a program and explains itself", async () => {
    const program = installed.path("dist/cli/main.js");
    await access(program, constants.X_OK);
    expect((await run(program, ["--help"])).stdout).toContain("serve");
    expect((await run(program, ["--version"])).stdout.trim()).toBe(installed.manifest.version);
  });

  it("serves, runs a job, and stops when it is told to", async () => {
    await expectToServe(installed, (dataDir) => [
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
    await expectToServe(installed, (dataDir) => [
      "--input-type=module",
      `--eval=import { BatchAIService } from "batchai/service"; ${script(dataDir)}`,
    ]);
  });

  it("runs a job when it was required", async () => {
    await expectToServe(installed, (dataDir) => [
      "--input-type=commonjs",
      `--eval=const { BatchAIService } = require("batchai/service"); (async () => { ${script(dataDir)} })();`,
    ]);
  });
});
