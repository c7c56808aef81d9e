import { ESLint } from "eslint";
import tseslint from "typescript-eslint";
import { describe, expect, it } from "vitest";

// The repository's own configuration. Rules that need types are left out: the files of these tests do not exist.
const eslint = new ESLint({
  cwd: process.cwd(),
  overrideConfig: {
    ...tseslint.configs.disableTypeChecked,
    languageOptions: { parserOptions: { projectService: false, project: false, program: null } },
  },
});

/** The messages of one lint rule for a file with this text at this place. */
async function complaints(rule: string, filePath: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath });
  const fatal = result?.messages.find((message) => message.fatal);
  if (fatal !== undefined) throw new Error(fatal.message);
  return (result?.messages ?? []).filter(({ ruleId }) => ruleId === rule).map(({ message }) => message);
}

const arrows = (filePath: string, text: string): Promise<string[]> => complaints("house/arrows", filePath, text);

describe("arrows between the rooms of src", () => {
  it.each([
    ["src/models/made-up.ts", "../wire/cluster.ts"],
    ["src/wire/made-up.ts", "../http/request.ts"],
    ["src/wire/made-up.ts", "./tables/cluster.ts"],
    ["src/wire/deeper/made-up.ts", "../../service/state/store.ts"],
    ["src/http/made-up.ts", "../operations/jobs.ts"],
    ["src/http/made-up.ts", "../client.ts"],
    ["src/operations/made-up.ts", "../service/index.ts"],
    ["src/operations/made-up.ts", "../client.ts"],
    ["src/client.ts", "./files/index.ts"],
    ["src/index.ts", "./service/index.ts"],
    ["src/index.ts", "./files/index.ts"],
    ["src/files/made-up.ts", "../service/state/store.ts"],
    ["src/files/made-up.ts", "../models/cluster.ts"],
    ["src/files/errors.ts", "./failures.ts"],
    ["src/files/times.ts", "./disk/tree.ts"],
    ["src/files/failures.ts", "./http/xml.ts"],
    ["src/files/disk/made-up.ts", "../http/request.ts"],
    ["src/files/disk/made-up.ts", "../shares/storage.ts"],
    ["src/files/disk/made-up.ts", "../records/properties.ts"],
    ["src/files/disk/made-up.ts", "../failures.ts"],
    ["src/files/records/made-up.ts", "../http/leases.ts"],
    ["src/files/records/made-up.ts", "../shares/share.ts"],
    ["src/files/records/made-up.ts", "../disk/tree.ts"],
    ["src/files/http/made-up.ts", "../shares/storage.ts"],
    ["src/files/http/made-up.ts", "../access/grant.ts"],
    ["src/files/http/made-up.ts", "../operations/operation.ts"],
    ["src/files/access/made-up.ts", "../shares/storage.ts"],
    ["src/files/access/made-up.ts", "../disk/tree.ts"],
    ["src/files/shares/made-up.ts", "../http/request.ts"],
    ["src/files/shares/made-up.ts", "../access/sas.ts"],
    ["src/files/operations/made-up.ts", "../server.ts"],
    ["src/files/operations/shares/made-up.ts", "../../filesService.ts"],
    ["src/service/arm/made-up.ts", "../engines/local/processEngine.ts"],
    ["src/service/arm/made-up.ts", "./routes/jobs.ts"],
    ["src/service/arm/made-up.ts", "./checks/jobs.ts"],
    ["src/service/arm/made-up.ts", "./server.ts"],
    ["src/service/arm/checks/made-up.ts", "../routes/jobs.ts"],
    ["src/service/arm/checks/made-up.ts", "../server.ts"],
    ["src/service/arm/checks/made-up.ts", "../../launch/job.ts"],
    ["src/service/arm/routes/made-up.ts", "../server.ts"],
    ["src/service/arm/routes/made-up.ts", "../../launch/job.ts"],
    ["src/service/arm/routes/made-up.ts", "../../identity/accessToken.ts"],
    ["src/service/arm/server.ts", "./checks/jobs.ts"],
    ["src/service/toolkits/made-up.ts", "../launch/job.ts"],
    ["src/service/toolkits/made-up.ts", "../startError.ts"],
    ["src/service/volumes/made-up.ts", "../launch/paths.ts"],
    ["src/service/volumes/made-up.ts", "../scheduler/queue.ts"],
    ["src/service/volumes/made-up.ts", "../dataFolders.ts"],
    ["src/service/launch/made-up.ts", "../volumes/mountPaths.ts"],
    ["src/service/scheduler/made-up.ts", "../arm/routes.ts"],
    ["src/service/state/made-up.ts", "../scheduler/queue.ts"],
    ["src/service/engines/made-up.ts", "../scheduler/queue.ts"],
    ["src/service/launch/made-up.ts", "../engines/local/processEngine.ts"],
    ["src/service/scheduler/made-up.ts", "../engines/local/processEngine.ts"],
    ["src/service/engines/made-up.ts", "./local/processEngine.ts"],
    ["src/service/engines/local/made-up.ts", "../engines.ts"],
    ["src/service/engines/made-up/engine.ts", "../local/processEngine.ts"],
    ["src/service/engines/made-up/engine.ts", "../../scheduler/scheduler.ts"],
    ["src/service/engines/supervisor/made-up.ts", "../local/localRun.ts"],
    ["src/service/engines/local/made-up.ts", "../../state/store.ts"],
    ["src/service/nodes/made-up.ts", "../state/store.ts"],
    ["src/service/dataFolders.ts", "./state/store.ts"],
    ["src/ground/made-up.ts", "../files/index.ts"],
    ["src/ground/loopback.ts", "./sqlite.ts"],
    ["src/service/launch/made-up.ts", "../state/store.ts"],
    ["src/service/identity/made-up.ts", "../../cli/main.ts"],
    ["src/service/made-up.ts", "../client.ts"],
    ["src/transfer/made-up.ts", "../service/index.ts"],
    ["src/transfer/made-up.ts", "../operations/jobs.ts"],
    ["src/operations/made-up.ts", "../transfer/index.ts"],
    ["src/cli/made-up.ts", "../service/state/store.ts"],
  ])("%s must not import %s", async (file, target) => {
    expect(await arrows(file, `import { a } from "${target}";\na();\n`)).toHaveLength(1);
    expect(await arrows(file, `export * from "${target}";\n`)).toHaveLength(1);
    expect(await arrows(file, `export type { A } from "${target}";\n`)).toHaveLength(1);
    expect(await arrows(file, `await import("${target}");\n`)).toHaveLength(1);
    expect(await arrows(file, `export type A = import("${target}").A;\n`)).toHaveLength(1);
  });

  it.each([
    ["src/models/made-up.ts", "./cluster.ts"],
    ["src/wire/deeper/made-up.ts", "../../models/cluster.ts"],
    ["src/operations/made-up.ts", "../http/request.ts"],
    ["src/operations/made-up.ts", "../wire/cluster.ts"],
    ["src/client.ts", "./operations/jobs.ts"],
    ["src/index.ts", "./client.ts"],
    ["src/service/arm/made-up.ts", "../../wire/cluster.ts"],
    ["src/service/arm/made-up.ts", "../scheduler/queue.ts"],
    ["src/service/arm/routes/made-up.ts", "../checks/jobs.ts"],
    ["src/service/arm/routes/made-up.ts", "../responses.ts"],
    ["src/service/arm/checks/made-up.ts", "../resourcesInPath.ts"],
    ["src/service/arm/checks/made-up.ts", "../../volumes/volumes.ts"],
    ["src/service/arm/routes/made-up.ts", "../../launch/launchIssues.ts"],
    ["src/service/arm/server.ts", "./routes/jobs.ts"],
    ["src/service/launch/made-up.ts", "../toolkits/toolkits.ts"],
    ["src/service/scheduler/made-up.ts", "../volumes/volumes.ts"],
    ["src/service/scheduler/made-up.ts", "../engines/engines.ts"],
    ["src/service/engines/local/made-up.ts", "../engine.ts"],
    ["src/service/engines/made-up/engine.ts", "./calls.ts"],
    ["src/service/engines/made-up/engine.ts", "../supervisor/runFiles.ts"],
    ["src/service/engines/made-up/engine.ts", "node:http"],
    ["src/service/state/made-up.ts", "../../ground/sqlite.ts"],
    ["src/service/index.ts", "../files/index.ts"],
    ["src/cli/made-up.ts", "../service/index.ts"],
    ["src/files/made-up.ts", "node:fs/promises"],
    ["src/files/made-up.ts", "./operations/index.ts"],
    ["src/files/made-up.ts", "./shares/storage.ts"],
    ["src/files/failures.ts", "./errors.ts"],
    ["src/files/disk/made-up.ts", "../errors.ts"],
    ["src/files/records/made-up.ts", "../disk/byteRanges.ts"],
    ["src/files/records/made-up.ts", "../../ground/sqlite.ts"],
    ["src/files/http/made-up.ts", "../disk/content.ts"],
    ["src/files/http/made-up.ts", "../records/properties.ts"],
    ["src/files/access/made-up.ts", "../http/request.ts"],
    ["src/files/shares/made-up.ts", "../disk/tree.ts"],
    ["src/files/shares/made-up.ts", "../records/propertyStore.ts"],
    ["src/files/operations/made-up.ts", "../access/grant.ts"],
    ["src/files/operations/shares/made-up.ts", "../../shares/snapshots.ts"],
    ["src/files/operations/shares/made-up.ts", "../exchange.ts"],
    ["src/service/state/made-up.ts", "node:sqlite"],
    ["src/service/launch/made-up.ts", "node:path/posix"],
    ["src/operations/made-up.ts", "@azure/core-lro"],
    ["test/made-up.ts", "../src/service/state/store.ts"],
  ])("%s may import %s", async (file, target) => {
    expect(await arrows(file, `import { a } from "${target}";\na();\n`)).toEqual([]);
  });

  it.each([
    "src/index.ts",
    "src/client.ts",
    "src/models/a.ts",
    "src/wire/a.ts",
    "src/http/a.ts",
    "src/operations/a.ts",
  ])("%s runs in a browser: nothing of Node", async (file) => {
    expect(await arrows(file, `import { join } from "node:path";\njoin("a");\n`)).toEqual([
      expect.stringContaining("browsers"),
    ]);
    expect(await arrows(file, `import { join } from "path";\njoin("a");\n`)).toHaveLength(1);
    expect(await complaints("no-restricted-globals", file, `export const a = Buffer.from("a");\n`)).toHaveLength(1);
  });

  it("src/service/launch is pure: no I/O, no clock, no randomness", async () => {
    const file = "src/service/launch/made-up.ts";
    expect(await arrows(file, `import { readFile } from "node:fs/promises";\nvoid readFile("a");\n`)).toHaveLength(1);
    expect(await arrows(file, `import { join } from "node:path";\njoin("a");\n`)).toHaveLength(1);
    expect(await complaints("no-restricted-syntax", file, "export const now = new Date();\n")).toHaveLength(1);
    expect(await complaints("no-restricted-syntax", file, "export const now = Date.now();\n")).toHaveLength(1);
    expect(await complaints("no-restricted-syntax", file, "export const dice = Math.random();\n")).toHaveLength(1);
  });

  it.each(["src/service/toolkits/made-up.ts", "src/service/arm/checks/made-up.ts"])("%s is pure", async (file) => {
    expect(await arrows(file, `import { readFile } from "node:fs/promises";\nvoid readFile("a");\n`)).toHaveLength(1);
  });

  it("src/service/launch sees only the types of the engine contract", async () => {
    const file = "src/service/launch/made-up.ts";
    expect(await arrows(file, `import type { LaunchPlan } from "../engines/engine.ts";\n`)).toEqual([]);
    expect(await arrows(file, `import { plan } from "../engines/engine.ts";\nplan();\n`)).toEqual([
      expect.stringContaining("import type"),
    ]);
  });

  it("says what the room may import instead", async () => {
    const [message] = await arrows("src/wire/made-up.ts", `export * from "../service/index.ts";\n`);
    expect(message).toBe(
      "src/wire must not import src/service/index.ts (scripts/arrows.js; see Structure in CONTRIBUTING.md). " +
        "It may import: src/models.",
    );
  });
});

describe("a folder without a row in the table", () => {
  it("is reported", async () => {
    const [message] = await arrows("src/metrics/made-up.ts", "export const a = 1;\n");
    expect(message).toBe("src/metrics has no row in scripts/arrows.js. Add one that says what it may import.");
    expect(await arrows("test/made-up.ts", "export const a = 1;\n")).toEqual([]);
  });
});

describe("house rules", () => {
  it.each([
    ["@typescript-eslint/no-explicit-any", "src/service/made-up.ts", "export const a: any = 1;\n"],
    ["@typescript-eslint/no-explicit-any", "test/made-up.ts", "export const a = 1 as any;\n"],
    ["@typescript-eslint/no-non-null-assertion", "src/service/made-up.ts", "export const a = process.argv[2]!;\n"],
    ["@typescript-eslint/ban-ts-comment", "src/service/made-up.ts", "// @ts-ignore\nexport const a = 1;\n"],
    ["no-restricted-syntax", "src/service/made-up.ts", "export default 1;\n"],
    ["no-restricted-syntax", "src/service/made-up.ts", "const a = 1;\nexport { a as default };\n"],
    ["no-console", "src/service/made-up.ts", `console.log("a");\n`],
    ["tsdoc/syntax", "src/models/made-up.ts", "/** @nonsense */\nexport const a = 1;\n"],
    ["no-restricted-imports", "src/service/made-up.ts", `import { exec } from "node:child_process";\nexec("a");\n`],
    ["no-restricted-imports", "src/service/made-up.ts", `import * as c from "node:child_process";\nc.exec("a");\n`],
    ["no-restricted-imports", "src/service/made-up.ts", `import { readFile } from "fs";\nreadFile("a");\n`],
    [
      "no-restricted-syntax",
      "src/service/made-up.ts",
      `import { spawn } from "node:child_process";\nspawn("a", { shell: true });\n`,
    ],
  ])("%s holds in %s: %j", async (rule, file, text) => {
    expect(await complaints(rule, file, text)).toHaveLength(1);
  });

  it("leaves good code alone", async () => {
    const text = `import { spawn } from "node:child_process";

/** Starts a program without a shell. */
export function start(program: string): void {
  spawn(program, ["--help"], { shell: false });
}
`;
    const [result] = await eslint.lintText(text, { filePath: "src/service/made-up.ts" });
    expect(result?.messages).toEqual([]);
  });

  it("lets the command line print", async () => {
    expect(await complaints("no-console", "src/cli/made-up.ts", `console.log("a");\n`)).toEqual([]);
  });
});
