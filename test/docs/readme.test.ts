import { execFile } from "node:child_process";
import { glob, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ServiceProcess } from "../service/serviceProcess.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const sources = { batchai: "src/index.ts", "batchai/service": "src/service/index.ts", "batchai/files": "src/files/index.ts" };

/** The blocks of a page in one language. */
async function blocksOf(page: string, language: string): Promise<string[]> {
  const text = await readFile(join(root, page), "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, block = ""]) => block);
}

/** The same program, with the package's names standing for its sources. */
function fromSources(program: string): string {
  let source = program;
  for (const [name, path] of Object.entries(sources)) source = source.replaceAll(`"${name}"`, `"${join(root, path)}"`);
  return source;
}

let folder: string;
let shell: string[];

/** Runs a program of the pages, in a project that has the packages. */
async function running(program: string): Promise<string> {
  const { stdout } = await run(process.execPath, [program], { cwd: folder, encoding: "utf8", timeout: 60_000 });
  return stdout;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchai-pages-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  shell = await blocksOf("README.md", "sh");
  const [job = "", embedded = "", ...others] = await blocksOf("README.md", "ts");
  const [files = "", ...more] = await blocksOf("docs/files.md", "ts");
  const [official = "", ...rest] = await blocksOf("docs/migration.md", "ts");
  expect([...others, ...more, ...rest]).toEqual([]);
  const key = `const accountKeyInBase64 = "${Buffer.from("a key of sixteen").toString("base64")}";\n`;
  for (const [name, program] of Object.entries({ job, embedded, files: key + files, official })) {
    await writeFile(join(folder, `${name}.mts`), fromSources(program));
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

it("the programs of the README, of the page about file shares and of the one about other SDKs compile", async () => {
  const config = { extends: join(root, "tsconfig.json"), include: ["*.mts"] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const outcome = await run(process.execPath, [compiler, "-p", folder]).catch((error: unknown) => error);
  expect(outcome).toMatchObject({ stdout: "" });
});

it("the steps and programs of the README do what they say, and the old client sees what they made", async () => {
  expect(shell).toHaveLength(1);
  const service = await ServiceProcess.start(join(folder, ".batchai"), ["--resource-group", "group"]);
  try {
    await run("bash", ["-euc", shell.join("\n")], { cwd: folder });
    for (const time of ["first", "second"]) {
      expect(await running("job.mts"), time).toBe("training...\n3 data.txt\nsucceeded\n");
    }
    expect(await running("official.mts")).toBe("myworkspace\n");
    const model = join(folder, ".batchai", "files", "batchaistorage", "work", "model.txt");
    expect(await readFile(model, "utf8")).toBe("3 data.txt\n");
  } finally {
    await service.stop();
  }
  expect(await running("embedded.mts")).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/);
});

it("the program of the page about file shares runs", async () => {
  expect(await running("files.mts")).toBe("");
});

it("no other page has programs, but the guide to the SDK and the recipes, which have tests of their own", async () => {
  const pages: string[] = [];
  const exclude = (name: string): boolean => /^(node_modules|dist|temp|coverage|docs\/api|docs\/reference)$/.test(name);
  for await (const page of glob("**/*.md", { cwd: root, exclude })) {
    if ((await blocksOf(page, "(?:ts|typescript|js|javascript)")).length > 0) pages.push(page);
  }
  expect(pages.sort()).toEqual(["README.md", "docs/files.md", "docs/migration.md", "docs/recipes.md", "docs/sdk.md"]);
});

it("commands in the pages exist, with their options", async () => {
  const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const help = new Map<string, string>();
  for (const command of ["serve", "files"]) {
    const { stdout } = await run(process.execPath, [join(root, "src/cli/main.ts"), command, "--help"]);
    help.set(command, stdout);
  }
  const wrong: string[] = [];
  let seen = 0;
  for await (const page of glob(["*.md", "docs/*.md", "examples/**/*.md", "bench/*.md"], { cwd: root })) {
    const text = await readFile(join(root, page), "utf8");
    for (const [command, name = ""] of text.matchAll(/npm run ([\w:]+)/g)) {
      seen += 1;
      if (!(name in scripts)) wrong.push(`${page}: ${command}`);
    }
    for (const [command, name = "", options = ""] of text.matchAll(/batchai(?: --)? (serve|files)\b([^`\n]*)/g)) {
      for (const [option] of options.matchAll(/--[a-z][a-z-]*/g)) {
        seen += 1;
        if (!help.get(name)?.includes(`${option} `)) wrong.push(`${page}: ${command}`);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(20);
});
