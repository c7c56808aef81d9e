import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { build } from "esbuild";
import { programs } from "../../../scripts/runtimes.ts";
import { until } from "../../until.ts";
import { withChromium } from "../chromium.ts";
import type { InstalledPackage } from "../installed.ts";
import type { PageServer } from "../pageServer.ts";
import type { Settings } from "./stage.ts";
import type { Report } from "./steps.ts";

const run = promisify(execFile);

/** Time after which a runtime is ended. Its steps have deadlines of their own. */
const timeout = 170_000;

/** Writes the steps into a project, as JavaScript that every runtime reads, and the programs that run them. */
export async function writePrograms({ project }: InstalledPackage): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, "steps.ts")],
    bundle: true,
    format: "esm",
    target: "es2022",
    outfile: join(project, "steps.mjs"),
  });
  const head = 'import * as sdk from "batchai";\nimport { runSteps } from "./steps.mjs";\n';
  const write = (file: string, body: string): Promise<void> => writeFile(join(project, file), `${head}${body}`);
  await write("program.mjs", "console.log(JSON.stringify(await runSteps(sdk, JSON.parse(process.env.SETTINGS))));");
  await write(
    "worker.mjs",
    "export default { fetch: async (request) => Response.json(await runSteps(sdk, await request.json())) };",
  );
  await write(
    "page.mjs",
    `const settings = await (await fetch("/settings")).json();
     const report = await runSteps(sdk, settings);
     await fetch("/outcome", { method: "POST", body: JSON.stringify(report) });`,
  );
}

/**
 * Runs the steps in a program such as Node.js. The program must end by itself after the last step, so a timer or a
 * connection that the SDK leaves behind is an error.
 */
export async function runInProcess(
  { project }: InstalledPackage,
  settings: Settings,
  program: string,
  ...programArguments: string[]
): Promise<Report> {
  const env = { ...process.env, SETTINGS: JSON.stringify(settings) };
  const { stdout } = await run(program, [...programArguments, "program.mjs"], { cwd: project, env, timeout });
  return JSON.parse(stdout) as Report;
}

/** Compatibility settings of a worker, which decide what workerd offers to it. */
export interface Compatibility {
  readonly date: string;
  readonly flags: readonly string[];
}

/** Runs the steps in workerd, with the bundle that wrangler would deploy to Cloudflare. */
export async function runInWorkerd(
  installed: InstalledPackage,
  settings: Settings,
  { date, flags }: Compatibility,
): Promise<Report> {
  const folder = await installed.newFolder("worker");
  await bundleWithWrangler(installed, folder, { date, flags });
  const config = `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "steps", worker = .steps), (name = "thisMachine", network = (allow = ["private"]))],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "steps")],
    );
    const steps :Workerd.Worker = (
      modules = [(name = "worker", esModule = embed "worker.js")],
      compatibilityDate = "${date}",
      compatibilityFlags = ${JSON.stringify(flags)},
      globalOutbound = "thisMachine",
    );`;
  await writeFile(join(folder, "config.capnp"), config);
  return withWorkerd(join(folder, "config.capnp"), async (url) => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(settings) });
    if (!response.ok) throw new Error(`workerd returned ${response.status}: ${await response.text()}`);
    return (await response.json()) as Report;
  });
}

/** Bundles `worker.mjs` to `worker.js` as for a deployment, without deploying it. */
async function bundleWithWrangler(
  { project }: InstalledPackage,
  folder: string,
  { date, flags }: Compatibility,
): Promise<void> {
  const config = { name: "steps", main: "worker.mjs", compatibility_date: date, compatibility_flags: flags };
  await writeFile(join(project, "wrangler.json"), JSON.stringify(config));
  const home = join(folder, "home");
  await mkdir(home);
  // wrangler keeps its settings and logs in the home folder.
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, WRANGLER_SEND_METRICS: "false", CI: "true" };
  const options = ["deploy", "--dry-run", "--outdir", folder];
  await run(process.execPath, [programs.wrangler, ...options], { cwd: project, env, timeout });
}

/** Starts workerd, passes its URL on, and ends it. */
async function withWorkerd<T>(config: string, work: (url: string) => Promise<T>): Promise<T> {
  // workerd writes the ports on which it listens to file 3.
  const workerd = spawn(programs.workerd, ["serve", config, "--control-fd=3"], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const exit = once(workerd, "exit");
  let errors = "";
  workerd.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
  let listening = "";
  (workerd.stdio[3] as Readable).setEncoding("utf8").on("data", (text: string) => (listening += text));
  try {
    await until("workerd listens", () => {
      if (workerd.exitCode !== null) throw new Error(`workerd ended with ${workerd.exitCode}: ${errors}`);
      return listening.includes("\n");
    });
    const { port } = JSON.parse(listening) as { port: number };
    return await work(`http://127.0.0.1:${port}`);
  } finally {
    workerd.kill("SIGKILL");
    await exit;
  }
}

/** Runs the steps in a page in Chromium, with a bundle for browsers. */
export async function runInChromium(chromium: string, page: PageServer): Promise<Report> {
  return withChromium(chromium, page.origin, async () => (await page.outcome) as Report);
}

/** Bundles `page.mjs` for browsers. A module of Node.js in it would be an error. */
export async function bundleForBrowsers({ project }: InstalledPackage): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(project, "page.mjs")],
    bundle: true,
    platform: "browser",
    format: "esm",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}
